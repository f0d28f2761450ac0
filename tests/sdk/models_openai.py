"""The official OpenAI SDK for Python, unmodified, against models of every kind of provider."""

import json
import os

from openai import APIStatusError, OpenAI

client = OpenAI(base_url=os.environ["SEPTET_URL"] + "/v1", api_key=os.environ["SEPTET_KEY"], max_retries=0)
QUESTION = "How is the weather in Paris?"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT_TOOL = {"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": SCHEMA}}
RESPONSE_TOOL = {"type": "function", "name": "weather", "description": "Tells it.", "parameters": SCHEMA}


def tell(model, check, found):
    print(model, check, found, sep="\t", flush=True)


def checked(model, check, ask):
    try:
        tell(model, check, ask())
    except Exception as error:  # what went wrong is the finding
        tell(model, check, f"{type(error).__name__}: {error}".replace("\n", " "))


def call(name, arguments):
    return f"{name} {json.dumps(json.loads(arguments), separators=(',', ':'))}"


def of_message(message):
    if message.tool_calls:
        return call(message.tool_calls[0].function.name, message.tool_calls[0].function.arguments)
    return message.content


def of_chat(completion):
    usage, choice = completion.usage, completion.choices[0]
    figures = f"{usage.prompt_tokens} {usage.prompt_tokens_details.cached_tokens} {usage.completion_tokens}"
    return f"{of_message(choice.message)} | {choice.finish_reason} | {figures}"


def of_chunks(chunks):
    text, name, arguments, reason, usage = "", "", "", None, None
    for chunk in chunks:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reason = choice.finish_reason or reason
            for piece in choice.delta.tool_calls or []:
                name += piece.function.name or ""
                arguments += piece.function.arguments or ""
    said = call(name, arguments) if name else text
    return f"{said} | {reason} | {usage.prompt_tokens} {usage.prompt_tokens_details.cached_tokens} {usage.completion_tokens}"


def of_response(response):
    calls = [item for item in response.output if item.type == "function_call"]
    said = call(calls[0].name, calls[0].arguments) if calls else response.output_text
    usage = response.usage
    figures = f"{usage.input_tokens} {usage.input_tokens_details.cached_tokens} {usage.output_tokens}"
    return f"{said} | {response.status} | {figures}"


def chat(model, **more):
    messages = more.pop("messages", [{"role": "user", "content": QUESTION}])
    return client.chat.completions.create(model=model, messages=messages, **more)


def chat_helper(model):
    messages = [{"role": "user", "content": QUESTION}]
    with client.chat.completions.stream(model=model, messages=messages, stream_options={"include_usage": True}) as stream:
        for _event in stream:
            pass
        return of_chat(stream.get_final_completion())


def chat_result(model):
    called = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}}
    messages = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "call_1", "content": "18 degrees"},
    ]
    return of_chat(chat(model, messages=messages, tools=[CHAT_TOOL]))


def last(events):
    return of_response(list(events)[-1].response)


def response_helper(model):
    with client.responses.stream(model=model, input=QUESTION) as stream:
        for _event in stream:
            pass
        return of_response(stream.get_final_response())


def response_result(model):
    items = [
        {"role": "user", "content": QUESTION},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Paris"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "18 degrees"},
    ]
    return of_response(client.responses.create(model=model, input=items, tools=[RESPONSE_TOOL]))


def refusal(ask):
    try:
        ask()
    except APIStatusError as error:
        return type(error).__name__
    return "nothing was refused"


counted = {"stream": True, "stream_options": {"include_usage": True}}
listed = {f"{model.owned_by}/{model.id}" for model in client.models.list()}
for model in os.environ["SEPTET_CHATS"].split():
    create = client.responses.create
    tell(model, "listed", "yes" if model in listed else f"no: {sorted(listed)}")
    checked(model, "chat", lambda: of_chat(chat(model)))
    checked(model, "chat streamed", lambda: of_chunks(chat(model, **counted)))
    checked(model, "chat helper", lambda: chat_helper(model))
    checked(model, "chat tool", lambda: of_chat(chat(model, tools=[CHAT_TOOL])))
    checked(model, "chat tool streamed", lambda: of_chunks(chat(model, tools=[CHAT_TOOL], **counted)))
    checked(model, "chat tool result", lambda: chat_result(model))
    checked(model, "response", lambda: of_response(create(model=model, input=QUESTION)))
    checked(model, "response streamed", lambda: last(create(model=model, input=QUESTION, stream=True)))
    checked(model, "response helper", lambda: response_helper(model))
    checked(model, "response tool", lambda: of_response(create(model=model, input=QUESTION, tools=[RESPONSE_TOOL])))
    checked(
        model, "response tool streamed",
        lambda: last(create(model=model, input=QUESTION, tools=[RESPONSE_TOOL], stream=True)),
    )
    checked(model, "response tool result", lambda: response_result(model))
    forbidden = os.environ["SEPTET_FORBIDDEN"]
    checked(model, "chat refused", lambda: refusal(lambda: chat(model, messages=[{"role": "user", "content": forbidden}])))
    checked(model, "response refused", lambda: refusal(lambda: create(model=model, input=forbidden)))


def vectors(model, **more):
    made = client.embeddings.create(model=model, input=["hi", "hello"], **more)
    numbers = [[int(number) if number == int(number) else number for number in one.embedding] for one in made.data]
    return json.dumps(numbers, separators=(",", ":"))


for model in os.environ["SEPTET_EMBEDDINGS"].split():
    checked(model, "embeddings", lambda: vectors(model))
    checked(model, "embeddings as floats", lambda: vectors(model, encoding_format="float"))
tell("nobody/chat", "unknown", refusal(lambda: chat("nobody/chat")))
