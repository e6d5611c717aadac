// Sends requests to an MCP server by one of the two TypeScript SDKs, and prints what they
// answer. It is told everything by one argument, in JSON:
//   sdk       1 (handshake era alone) or 2
//   mode      of the second SDK: legacy or auto
//   server    {url} or {command, args, env}
//   requests  [method of the client, its arguments]
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as Stdio1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as Http1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { Client as Client2, StreamableHTTPClientTransport as Http2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as Stdio2 } from "@modelcontextprotocol/client/stdio";

const { sdk, mode, server, requests } = JSON.parse(process.argv[2]);
const info = { name: "interop", version: "1.0.0" };
const [Client, Http, Stdio] =
  sdk === 1 ? [Client1, Http1, Stdio1] : [Client2, Http2, Stdio2];
const client = new Client(info, sdk === 1 ? {} : { versionNegotiation: { mode } });
const transport = server.url ? new Http(new URL(server.url)) : new Stdio(server);
await client.connect(transport);
const answers = [];
for (const [method, ...given] of requests) {
  try {
    answers.push(await client[method](...given));
  } catch (error) {
    answers.push({ failed: error.message, code: error.code });
  }
}
const answer = {
  version: sdk === 1 ? transport.protocolVersion : client.getNegotiatedProtocolVersion(),
  server: client.getServerVersion(),
  instructions: client.getInstructions(),
  answers,
};
await client.close();
console.log(JSON.stringify(answer));
