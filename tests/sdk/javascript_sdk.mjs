// The official OpenAI SDK for JavaScript, unmodified, against Septet.
//
// Base URL and key come from OPENAI_BASE_URL and OPENAI_API_KEY, the report from SEPTET_REPORT.
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.cwd()}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { default: OpenAI } = await load('openai');
const client = new OpenAI();
const step = (name, found) => console.log(`js      ${name.padEnd(32)} ${found}`);
const collect = async (stream) => {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
};

const models = await collect(client.models.list());
assert(models.some((model) => model.id === 'agent:analyst'));
step('models.list', models.map((model) => model.id));

const file = await client.files.create({ file: createReadStream(process.env.SEPTET_REPORT), purpose: 'user_data' });
assert(file.id.startsWith('file-') && file.bytes > 1000);
step('files.create', file.id);

const store = await client.vectorStores.create({ name: 'sdk' });
await client.vectorStores.files.create(store.id, { file_id: file.id });
let state;
do {
  await new Promise((resolve) => setTimeout(resolve, 200));
  state = await client.vectorStores.files.retrieve(file.id, { vector_store_id: store.id });
} while (state.status === 'in_progress');
assert.equal(state.status, 'completed', JSON.stringify(state));
const found = await client.vectorStores.search(store.id, { query: '现金流量', max_num_results: 3 });
assert.equal(found.data.length, 3);
step('vectorStores.search', found.data.map((hit) => hit.attributes.page));

const tools = [{ type: 'file_search', vector_store_ids: [store.id] }];
const events = await collect(
  await client.responses.create({ model: 'agent:analyst', input: '帮我分析财报', tools, stream: true }),
);
assert.deepEqual(events.map((event) => event.sequence_number), [...events.keys()]);
const final = events.at(-1);
assert.equal(final.type, 'response.completed');
step('responses.create(stream)', `${events.length} events`);

const helper = client.responses.stream({ model: 'agent:analyst', input: '各季度营业收入是多少？', tools });
let n = 0;
for await (const _event of helper) n += 1;
const answer = await helper.finalResponse();
assert(answer.output_text.length > 0);
step('responses.stream helper', `${n} events`);

const again = await collect(await client.responses.retrieve(final.response.id, { stream: true, starting_after: 8 }));
assert.deepEqual(again.map((event) => event.sequence_number), events.slice(9).map((event) => event.sequence_number));
step('retrieve(starting_after: 8)', `${again.length} events`);

const running = await client.responses.create({ model: 'agent:analyst', input: '帮我分析财报', tools, background: true });
const cancelled = await client.responses.cancel(running.id);
assert(['cancelled', 'completed'].includes(cancelled.status));
step('cancel', cancelled.status);

const chunks = await collect(
  await client.chat.completions.create({
    model: 'agent:analyst',
    messages: [{ role: 'user', content: '你能做什么？' }],
    stream: true,
  }),
);
assert(chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? '').join('').length > 0);
step('chat.completions(stream)', `${chunks.length} chunks`);

const { ResponsesWS } = await load('openai/resources/responses/ws');
const socket = new ResponsesWS(client);
const seen = await new Promise((resolve, reject) => {
  const kinds = [];
  const timer = setTimeout(() => reject(new Error(`no answer over the WebSocket: ${kinds}`)), 30_000);
  socket.on('error', reject);
  socket.on('event', (event) => {
    kinds.push(event.type);
    if (event.type !== 'response.completed') return;
    clearTimeout(timer);
    socket.close();
    resolve(kinds);
  });
  socket.socket.on('open', () =>
    socket.send({ type: 'response.create', model: 'agent:analyst', input: '你能做什么？', stream_id: 'one' }),
  );
});
step('ResponsesWS (WebSocket)', `${seen.length} events`);

await assert.rejects(client.responses.create({ model: 'agent:nobody', input: 'hi' }), OpenAI.NotFoundError);
step('unknown agent', 'refused');
await client.vectorStores.delete(store.id);
await client.files.delete(file.id);
step('delete', 'done');
