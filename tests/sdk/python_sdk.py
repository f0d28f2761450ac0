"""The official OpenAI SDK for Python, unmodified, against Septet.

Base URL and key come from OPENAI_BASE_URL and OPENAI_API_KEY, the report from SEPTET_REPORT.
"""

import os
import time

from openai import OpenAI, NotFoundError

client = OpenAI()


def step(name, found):
    print(f"python  {name:32} {found}")


models = [model.id for model in client.models.list()]
assert "agent:analyst" in models, models
step("models.list", models)

with open(os.environ["SEPTET_REPORT"], "rb") as report:
    file = client.files.create(file=report, purpose="user_data")
assert file.bytes > 1000 and file.id.startswith("file-"), file
step("files.create", file.id)

store = client.vector_stores.create(name="sdk")
client.vector_stores.files.create(vector_store_id=store.id, file_id=file.id)
while (state := client.vector_stores.files.retrieve(file.id, vector_store_id=store.id)).status == "in_progress":
    time.sleep(0.2)
assert state.status == "completed", state
found = client.vector_stores.search(vector_store_id=store.id, query="营业收入", max_num_results=3)
assert len(found.data) == 3 and found.data[0].content[0].text, found
step("vector_stores.search", [hit.attributes["page"] for hit in found.data])
assert store.id in [one.id for one in client.vector_stores.list()]

tools = [{"type": "file_search", "vector_store_ids": [store.id]}]
events = list(client.responses.create(model="agent:analyst", input="帮我分析财报", tools=tools, stream=True))
assert [event.sequence_number for event in events] == list(range(len(events)))
final = events[-1]
assert final.type == "response.completed", final
assert "元" in final.response.output_text, final.response.output_text
cited = [note for item in final.response.output if item.type == "message" for part in item.content for note in part.annotations]
assert any(note.type == "file_citation" for note in cited), cited
step("responses.create(stream)", f"{len(events)} events, {len(cited)} annotations")

with client.responses.stream(model="agent:analyst", input="各季度营业收入是多少？", tools=tools) as stream:
    kinds = {event.type for event in stream}
    answer = stream.get_final_response()
assert answer.output_text and "response.output_text.delta" in kinds
step("responses.stream helper", sorted(kind.split(".")[1] for kind in kinds)[:3])

again = list(client.responses.retrieve(final.response.id, stream=True, starting_after=8))
assert [event.sequence_number for event in again] == list(range(9, len(events)))
assert again[-1].response.output_text == final.response.output_text
step("retrieve(starting_after=8)", f"{len(again)} events")

retrieved = client.responses.retrieve(final.response.id)
assert retrieved.status == "completed" and retrieved.output_text == final.response.output_text
items = client.responses.input_items.list(final.response.id)
assert items.data[0].content[0].text == "帮我分析财报"

running = client.responses.create(model="agent:analyst", input="帮我分析财报", tools=tools, background=True)
cancelled = client.responses.cancel(running.id)
assert cancelled.status in ("cancelled", "completed"), cancelled.status
step("cancel", cancelled.status)
client.responses.delete(final.response.id)

chunks = list(
    client.chat.completions.create(
        model="agent:analyst",
        messages=[{"role": "user", "content": "你能做什么？"}],
        stream=True,
        stream_options={"include_usage": True},
    )
)
text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
assert text and chunks[-1].usage is not None, chunks[-1]
step("chat.completions(stream)", f"{len(chunks)} chunks")

with client.responses.connect() as connection:
    connection.response.create(model="agent:analyst", input="你能做什么？", stream_id="one")
    kinds = []
    for event in connection:
        kinds.append(event.type)
        if event.type == "response.completed":
            break
assert kinds[0] == "response.created"
step("responses.connect (WebSocket)", f"{len(kinds)} events")

try:
    client.responses.create(model="agent:nobody", input="hi")
    raise AssertionError("an unknown agent must be refused")
except NotFoundError as error:
    step("unknown agent", error.body["message"][:60])

client.vector_stores.delete(store.id)
client.files.delete(file.id)
step("delete", "done")
