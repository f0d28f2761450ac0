// The official OpenAI SDK for JavaScript, unmodified, against models of every kind of provider.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// The SDK lies in the working folder, not beside this file.
const require = createRequire(pathToFileURL(`${process.cwd()}/`));
const { OpenAI, APIError } = require("openai");

const { SEPTET_URL, SEPTET_KEY, SEPTET_CHATS, SEPTET_EMBEDDINGS, SEPTET_FORBIDDEN } = process.env;
const client = new OpenAI({ baseURL: `${SEPTET_URL}/v1`, apiKey: SEPTET_KEY, maxRetries: 0 });
const question = "How is the weather in Paris?";
const asked = [{ role: "user", content: question }];
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const chatTool = { type: "function", function: { name: "weather", description: "Tells it.", parameters } };
const responseTool = { type: "function", name: "weather", description: "Tells it.", parameters, strict: false };

const tell = (model, check, found) => console.log([model, check, found].join("\t"));
const checked = async (model, check, ask) => {
  try {
    tell(model, check, await ask());
  } catch (error) {
    tell(model, check, `${error.constructor.name}: ${error.message}`.replaceAll("\n", " "));
  }
};
const call = (name, args) => `${name} ${JSON.stringify(JSON.parse(args))}`;
const line = (said, reason, read, cached, written) => `${said} | ${reason} | ${read} ${cached} ${written}`;

const ofChat = ({ usage, choices: [{ message, finish_reason }] }) => {
  const [called] = message.tool_calls ?? [];
  const said = called ? call(called.function.name, called.function.arguments) : message.content;
  return line(said, finish_reason, usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens);
};
const ofChunks = async (chunks) => {
  let [text, name, args, reason, usage] = ["", "", "", null, null];
  for await (const chunk of chunks) {
    usage = chunk.usage ?? usage;
    for (const { delta, finish_reason } of chunk.choices) {
      text += delta.content ?? "";
      reason = finish_reason ?? reason;
      for (const piece of delta.tool_calls ?? []) {
        name += piece.function?.name ?? "";
        args += piece.function?.arguments ?? "";
      }
    }
  }
  const said = name ? call(name, args) : text;
  return line(said, reason, usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens);
};
const ofResponse = ({ output, output_text, status, usage }) => {
  const called = output.find((item) => item.type === "function_call");
  const text = output.flatMap((item) => (item.type === "message" ? item.content : [])).map((part) => part.text ?? "");
  const said = called ? call(called.name, called.arguments) : (output_text ?? text.join(""));
  return line(said, status, usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens);
};
const last = async (events) => {
  let final;
  for await (const event of events) final = event;
  return ofResponse(final.response);
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

const chat = (model, more = {}) => client.chat.completions.create({ model, messages: asked, ...more });
const respond = (model, more = {}) => client.responses.create({ model, input: question, ...more });
const counted = { stream: true, stream_options: { include_usage: true } };
const called = { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Paris"}' } };
const told = [
  ...asked,
  { role: "assistant", content: null, tool_calls: [called] },
  { role: "tool", tool_call_id: "call_1", content: "18 degrees" },
];
const items = [
  ...asked,
  { type: "function_call", call_id: "call_1", name: "weather", arguments: '{"city":"Paris"}' },
  { type: "function_call_output", call_id: "call_1", output: "18 degrees" },
];

const listed = [];
for await (const model of client.models.list()) listed.push(`${model.owned_by}/${model.id}`);
for (const model of SEPTET_CHATS.split(" ")) {
  tell(model, "listed", listed.includes(model) ? "yes" : `no: ${listed}`);
  await checked(model, "chat", async () => ofChat(await chat(model)));
  await checked(model, "chat streamed", async () => ofChunks(await chat(model, counted)));
  await checked(model, "chat helper", async () => {
    const stream = client.chat.completions.stream({ model, messages: asked, stream_options: { include_usage: true } });
    return ofChat(await stream.finalChatCompletion());
  });
  await checked(model, "chat tool", async () => ofChat(await chat(model, { tools: [chatTool] })));
  await checked(model, "chat tool streamed", async () => ofChunks(await chat(model, { tools: [chatTool], ...counted })));
  await checked(model, "chat tool result", async () => ofChat(await chat(model, { messages: told, tools: [chatTool] })));
  await checked(model, "response", async () => ofResponse(await respond(model)));
  await checked(model, "response streamed", async () => last(await respond(model, { stream: true })));
  await checked(model, "response helper", async () => {
    const stream = client.responses.stream({ model, input: question });
    return ofResponse(await stream.finalResponse());
  });
  await checked(model, "response tool", async () => ofResponse(await respond(model, { tools: [responseTool] })));
  await checked(model, "response tool streamed", async () => last(await respond(model, { tools: [responseTool], stream: true })));
  await checked(model, "response tool result", async () => ofResponse(await respond(model, { input: items, tools: [responseTool] })));
  const forbidden = [{ role: "user", content: SEPTET_FORBIDDEN }];
  await checked(model, "chat refused", () => refusal(() => chat(model, { messages: forbidden })));
  await checked(model, "response refused", () => refusal(() => respond(model, { input: SEPTET_FORBIDDEN })));
}
for (const model of SEPTET_EMBEDDINGS.split(" ")) {
  const vectors = async (more) => {
    const made = await client.embeddings.create({ model, input: ["hi", "hello"], ...more });
    return JSON.stringify(made.data.map((one) => one.embedding));
  };
  await checked(model, "embeddings", () => vectors({}));
  await checked(model, "embeddings as floats", () => vectors({ encoding_format: "float" }));
}
tell("nobody/chat", "unknown", await refusal(() => chat("nobody/chat")));
