"""The sandbox runner by itself, with the official SDKs, unmodified: OpenAI's for containers, and that of the Model Context
Protocol for tools."""

import asyncio
import io
import os

import openai
from mcp import Client, ClientSession
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

url, key = os.environ["SEPTET_URL"], os.environ["SEPTET_KEY"]
openai_client = openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)


def containers():
    made = openai_client.containers.create(name="report", expires_after={"anchor": "last_active_at", "minutes": 20})
    assert made.id.startswith("cntr_") and made.status == "running" and made.expires_after.minutes == 20, made
    assert openai_client.containers.retrieve(made.id).name == "report"
    assert made.id in [one.id for one in openai_client.containers.list()]

    file = openai_client.containers.files.create(made.id, file=("销售.csv", io.BytesIO("月,额\n1,2\n".encode())))
    assert (file.path, file.bytes, file.source) == ("/session/销售.csv", 12, "user"), file
    report = openai_client.post(
        "/execute", cast_to=object, options={},
        body={"container": made.id, "code": "import pandas as pd; pd.read_csv('销售.csv').plot(); print('drawn')"},
    )
    assert report["outcome"] == "ok" and report["stdout"] == "drawn\n", report
    chart = next(one for one in openai_client.containers.files.list(made.id) if one.source == "assistant")
    picture = openai_client.containers.files.content.retrieve(chart.id, container_id=made.id).read()
    assert picture.startswith(b"\x89PNG"), picture[:20]
    openai_client.containers.files.delete(file.id, container_id=made.id)
    assert [one.path for one in openai_client.containers.files.list(made.id)] == ["/session/chart-1.png"]
    openai_client.containers.delete(made.id)
    try:
        openai_client.containers.retrieve(made.id)
        raise AssertionError("it is still there")
    except openai.NotFoundError as error:
        assert error.code == "not_found" and "does not exist" in str(error), error
    try:
        openai.OpenAI(base_url=url + "/v1", api_key="sk-wrong-0123456789abcdef", max_retries=0).containers.list()
        raise AssertionError("anybody is let in")
    except openai.AuthenticationError:
        pass


async def tools(client):
    names = {tool.name for tool in (await client.list_tools()).tools}
    assert {"run_python", "run_sql", "upload_file", "list_files", "read_file", "fork_session", "interrupt"} <= names, names
    await client.call_tool("upload_file", {"path": "a.csv", "text": "x\n1\n2\n"})
    first = await client.call_tool("run_python", {"code": "import pandas\nframe = pandas.read_csv('a.csv')"})
    assert not first.is_error, first
    second = await client.call_tool("run_python", {"code": "frame.plot(title='图')\nint(frame.x.sum())"})
    assert second.structured_content["result"]["text"] == "3", second
    kinds = [block.type for block in second.content]
    assert kinds == ["text", "image"] and second.content[1].mime_type == "image/png", kinds
    wrong = await client.call_tool("run_sql", {"query": "SELECT nothing FROM nowhere"})
    assert wrong.is_error and "nowhere" in wrong.content[0].text, wrong
    huge = await client.call_tool("run_python", {"code": "print('x' * 900_000)\n'y' * 900_000"})
    assert not huge.is_error and len(huge.content[0].text) < 200_000, huge.content[0].text[:100]


async def by_session():
    async with create_mcp_http_client(headers={"Authorization": "Bearer " + key}) as http:
        async with streamable_http_client(url + "/mcp", http_client=http) as streams:
            async with ClientSession(streams[0], streams[1]) as session:
                await session.initialize()
                await tools(session)


async def by_client():
    """Looks for the newest revision first, and falls back to one with sessions."""
    async with create_mcp_http_client(headers={"Authorization": "Bearer " + key}) as http:
        async with Client(streamable_http_client(url + "/mcp", http_client=http)) as client:
            await tools(client)
            print("the protocol's revision:", client.protocol_version)


containers()
asyncio.run(by_session())
asyncio.run(by_client())
print("all is well")
