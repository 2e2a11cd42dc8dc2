// A receiver of Meta's webhooks in which everything is whatsapp-api-js: it reads the request, verifies the signature,
// finds the event in the payload and answers the handshake. This file tells, in a line of JSON for each POST, what the
// package made of it: the answer's status, the events that it dispatched, and why it refused.
//
// META_APP_SECRET and META_VERIFY_TOKEN configure it. The first line says where it listens. It ends with its standard
// input, and so never outlives the test that started it.
import { createServer } from 'node:http'
import { WhatsAppAPI } from 'whatsapp-api-js/middleware/node-http'

let understood = []
let error

class Receiver extends WhatsAppAPI {
  // The package turns an error into a status; this keeps its words.
  async post(...request) {
    try {
      return await super.post(...request)
    } catch (e) {
      error = String(e)
      throw e
    }
  }
}

const receiver = new Receiver({
  token: 'never used: nothing is sent to Meta',
  appSecret: process.env.META_APP_SECRET,
  webhookVerifyToken: process.env.META_VERIFY_TOKEN,
  v: 'v24.0',
})
receiver.on.message = ({ phoneID, from, message }) =>
  understood.push({ phone_id: phoneID, customer: from, id: message.id, type: message.type, text: message.text?.body })
receiver.on.status = ({ phoneID, phone, id, status }) =>
  understood.push({ phone_id: phoneID, customer: phone, id, status })

const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

// One request at a time: the test waits for each answer.
const server = createServer(async (request, response) => {
  if (request.method === 'GET') {
    try {
      response.end(receiver.handle_get(request))
    } catch (status) {
      response.writeHead(status).end()
    }
    return
  }
  understood = []
  error = undefined
  const status = await receiver.handle_post(request)
  tell({ status, understood, error })
  response.writeHead(status).end()
})
server.listen(0, '127.0.0.1', () => tell({ url: `http://127.0.0.1:${server.address().port}` }))
process.stdin.resume().on('end', () => process.exit())
