// Signs each body as Kirim does, and makes each one different.
import http from 'k6/http';
import crypto from 'k6/crypto';

const filler = '1'.repeat(400);
let n = 0;

export default function () {
  n++;
  const id = `${__VU}-${n}`;
  const body = `{"object":"whatsapp_business_account","entry":[{"id":"${id}","filler":"${filler}"}]}`;
  const t = Math.floor(Date.now() / 1000);
  const mac = crypto.hmac('sha256', __ENV.KIRIM_SECRET, `${t}.${body}`, 'hex');
  http.post(__ENV.TARGET, body, {
    headers: {
      'Content-Type': 'application/json',
      'User-Agent': 'Kirim-Webhook/1.0',
      'X-Kirim-Source': 'meta',
      'X-Kirim-Event': 'message.received',
      'X-Kirim-Event-Id': `wamid.${id}`,
      'X-Kirim-Delivery-Id': `wbd_${id}`,
      'X-Kirim-Attempt': '1',
      'X-Kirim-Signature': `t=${t},v1=${mac}`,
    },
  });
}
