// Node-RED without its editor, for the flow in flows.json: npx node-red -u . -s settings.js
// KIRIM_SECRET is the subscription's secret (required), PORT where to listen on 127.0.0.1 (8090).
if (!process.env.KIRIM_SECRET) throw new Error("KIRIM_SECRET is not set; without a secret no delivery can be verified");

module.exports = {
  uiHost: "127.0.0.1",
  uiPort: Number(process.env.PORT || 8090),
  flowFile: "flows.json",
  httpAdminRoot: false,
  disableEditor: true,
  credentialSecret: false,
  telemetry: { enabled: false },
  logging: { console: { level: "warn" } },
  functionExternalModules: false,
  functionGlobalContext: { kirim: require("./kirim.cjs") },
};
