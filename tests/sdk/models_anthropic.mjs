// The official Anthropic SDK for JavaScript, unmodified, against models of every kind of provider.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// The SDK lies in the working folder, not beside this file.
const require = createRequire(pathToFileURL(`${process.cwd()}/`));
const { Anthropic, APIError } = require("@anthropic-ai/sdk");

const { SEPTET_URL, SEPTET_KEY, SEPTET_CHATS, SEPTET_FORBIDDEN } = process.env;
const client = new Anthropic({ baseURL: SEPTET_URL, apiKey: SEPTET_KEY, maxRetries: 0 });
const asked = [{ role: "user", content: "How is the weather in Paris?" }];
const input_schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ name: "weather", description: "Tells it.", input_schema }];

const tell = (model, check, found) => console.log([model, check, found].join("\t"));
const checked = async (model, check, ask) => {
  try {
    tell(model, check, await ask());
  } catch (error) {
    tell(model, check, `${error.constructor.name}: ${error.message}`.replaceAll("\n", " "));
  }
};
const line = (said, reason, usage) =>
  `${said} | ${reason} | ${usage.input_tokens} ${usage.cache_read_input_tokens ?? 0} ${usage.output_tokens}`;
const ofMessage = ({ content, stop_reason, usage }) => {
  const called = content.find((block) => block.type === "tool_use");
  const text = content.map((block) => (block.type === "text" ? block.text : "")).join("");
  return line(called ? `${called.name} ${JSON.stringify(called.input)}` : text, stop_reason, usage);
};
const ofEvents = async (events) => {
  let [text, reason, usage, first] = ["", null, null, null];
  for await (const event of events) {
    if (event.type === "message_start") first = event.message.usage;
    if (event.type === "content_block_delta" && event.delta.type === "text_delta") text += event.delta.text;
    if (event.type === "message_delta") [reason, usage] = [event.delta.stop_reason, event.usage];
  }
  // What was read is said at the end or, as by Anthropic itself, only at the beginning.
  const said = usage.input_tokens == null ? first : usage;
  return line(text, reason, { ...said, output_tokens: usage.output_tokens });
};
const refusal = async (ask) => {
  try {
    await ask();
  } catch (error) {
    if (error instanceof APIError) return error.constructor.name;
    throw error;
  }
  return "nothing was refused";
};

const ask = (model, more = {}) => client.messages.create({ model, max_tokens: 100, messages: asked, ...more });
const helper = async (model, more = {}) =>
  ofMessage(await client.messages.stream({ model, max_tokens: 100, messages: asked, ...more }).finalMessage());
const told = [
  ...asked,
  { role: "assistant", content: [{ type: "tool_use", id: "call_1", name: "weather", input: { city: "Paris" } }] },
  { role: "user", content: [{ type: "tool_result", tool_use_id: "call_1", content: "18 degrees" }] },
];

for (const model of SEPTET_CHATS.split(" ")) {
  await checked(model, "message", async () => ofMessage(await ask(model)));
  await checked(model, "message streamed", async () => ofEvents(await ask(model, { stream: true })));
  await checked(model, "message helper", () => helper(model));
  await checked(model, "message tool", async () => ofMessage(await ask(model, { tools })));
  await checked(model, "message tool helper", () => helper(model, { tools }));
  await checked(model, "message tool result", async () => ofMessage(await ask(model, { messages: told, tools })));
  const counted = async () => (await client.messages.countTokens({ model, messages: asked })).input_tokens;
  await checked(model, "tokens", async () => ((await counted()) > 0 ? "some" : "none"));
  const forbidden = [{ role: "user", content: SEPTET_FORBIDDEN }];
  await checked(model, "message refused", () => refusal(() => ask(model, { messages: forbidden })));
}
tell("nobody/chat", "unknown", await refusal(() => ask("nobody/chat")));
