"""The official Anthropic SDK for Python, unmodified, against models of every kind of provider."""

import json
import os

from anthropic import Anthropic, APIStatusError

client = Anthropic(base_url=os.environ["SEPTET_URL"], api_key=os.environ["SEPTET_KEY"], max_retries=0)
QUESTION = [{"role": "user", "content": "How is the weather in Paris?"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"name": "weather", "description": "Tells it.", "input_schema": SCHEMA}


def tell(model, check, found):
    print(model, check, found, sep="\t", flush=True)


def checked(model, check, ask):
    try:
        tell(model, check, ask())
    except Exception as error:  # what went wrong is the finding
        tell(model, check, f"{type(error).__name__}: {error}".replace("\n", " "))


def of_message(message):
    calls = [block for block in message.content if block.type == "tool_use"]
    if calls:
        said = f"{calls[0].name} {json.dumps(calls[0].input, separators=(',', ':'))}"
    else:
        said = "".join(block.text for block in message.content if block.type == "text")
    usage = message.usage
    figures = f"{usage.input_tokens} {usage.cache_read_input_tokens or 0} {usage.output_tokens}"
    return f"{said} | {message.stop_reason} | {figures}"


def of_events(events):
    text, reason, usage, first = "", None, None, None
    for event in events:
        if event.type == "message_start":
            first = event.message.usage
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            text += event.delta.text
        if event.type == "message_delta":
            reason, usage = event.delta.stop_reason, event.usage
    # What was read is said at the end or, as by Anthropic itself, only at the beginning.
    said = usage if usage.input_tokens is not None else first
    return f"{text} | {reason} | {said.input_tokens} {said.cache_read_input_tokens or 0} {usage.output_tokens}"


def ask(model, **more):
    return client.messages.create(model=model, max_tokens=100, messages=more.pop("messages", QUESTION), **more)


def helper(model, **more):
    with client.messages.stream(model=model, max_tokens=100, messages=QUESTION, **more) as stream:
        for _event in stream:
            pass
        return of_message(stream.get_final_message())


def result(model):
    called = {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Paris"}}
    given = {"type": "tool_result", "tool_use_id": "call_1", "content": "18 degrees"}
    turns = [{"role": "assistant", "content": [called]}, {"role": "user", "content": [given]}]
    return of_message(ask(model, messages=QUESTION + turns, tools=[TOOL]))


def refusal(ask):
    try:
        ask()
    except APIStatusError as error:
        return type(error).__name__
    return "nothing was refused"


for model in os.environ["SEPTET_CHATS"].split():
    checked(model, "message", lambda: of_message(ask(model)))
    checked(model, "message streamed", lambda: of_events(ask(model, stream=True)))
    checked(model, "message helper", lambda: helper(model))
    checked(model, "message tool", lambda: of_message(ask(model, tools=[TOOL])))
    checked(model, "message tool helper", lambda: helper(model, tools=[TOOL]))
    checked(model, "message tool result", lambda: result(model))
    count = lambda: client.messages.count_tokens(model=model, messages=QUESTION).input_tokens
    checked(model, "tokens", lambda: "some" if count() > 0 else "none")
    forbidden = [{"role": "user", "content": os.environ["SEPTET_FORBIDDEN"]}]
    checked(model, "message refused", lambda: refusal(lambda: ask(model, messages=forbidden)))
tell("nobody/chat", "unknown", refusal(lambda: ask("nobody/chat")))
