"""Inference over REST (node port 31504): one request, one reply, and no time limit."""

import json
import time
import uuid
from typing import Any

from aiohttp import web

from aios_top.testbed.document import Document
from aios_top.testbed.inference import Inference, InferenceError
from aios_top.testbed.wire import RequestBodyError, flask_json, read_flask_json, read_flask_object

NO_SELECTION = "Expecting value: line 1 column 1 (char 0)"
"""What is said when neither a model nor a selection query is given: AIOS then parses an empty answer."""


def routes(inference: Inference) -> list[web.RouteDef]:
    """Return the service's paths."""
    service = _Inference(inference)
    return [
        web.post("/v1/infer", service.infer),
        web.post("/v1/infer-multipart", service.infer_multipart),
        web.post("/v1/chat/completions", service.chat),
        web.post("/v1/completions", service.complete),
    ]


class _Inference:
    def __init__(self, inference: Inference) -> None:
        self._inference = inference

    async def infer(self, request: web.Request) -> web.Response:
        """Answer AIOS's own call: every error is HTTP 200."""
        try:
            return await self._answer(await read_flask_json(request))
        except (RequestBodyError, InferenceError, KeyError, TypeError) as error:
            return flask_json({"success": False, "message": str(error)})

    async def infer_multipart(self, request: web.Request) -> web.Response:
        """Answer the same call sent as a form; files are ignored, since a simulated model has no eyes."""
        try:
            form = await request.post()
            fields: Document = {name: value for name, value in form.items() if isinstance(value, str)}
            for name in ("seq_no", "data"):
                if name in fields:
                    fields[name] = _json_or_text(fields[name])
            return await self._answer(fields)
        except (InferenceError, KeyError, ValueError) as error:
            return flask_json({"success": False, "message": str(error)})

    async def chat(self, request: web.Request) -> web.Response:
        """Look like OpenAI's chat: `messages` goes to the block as it is, the reply is the message's content."""

        def completion(reply: Document, model: str) -> Document:
            message = {"role": "assistant", "content": reply}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return _completion("chatcmpl", "chat.completion", model, choice)

        return await self._openai(request, "messages", completion)

    async def complete(self, request: web.Request) -> web.Response:
        """Look like OpenAI's completion of a prompt."""

        def completion(reply: Document, model: str) -> Document:
            choice = {"index": 0, "text": reply, "logprobs": None, "finish_reason": "stop"}
            return _completion("cmpl", "text_completion", model, choice)

        return await self._openai(request, "prompt", completion)

    async def _answer(self, body: Any) -> web.Response:
        session_id, seq_no, data = body["session_id"], body["seq_no"], body["data"]
        model = body.get("model")
        if not model:
            raise InferenceError(NO_SELECTION)
        reply = await self._inference.infer(model, session_id, seq_no, data)
        answer = {"model": model, "session_id": session_id, "seq_no": seq_no, "ts": time.time(), "data": reply}
        return flask_json(answer)

    async def _openai(self, request: web.Request, field: str, completion: Any) -> web.Response:
        try:
            body = await read_flask_object(request)
            model, data = body["model"], body[field]
            session_id = body.get("session_id") or self._inference.new_session()
            reply = await self._inference.infer(model, session_id, body.get("seq_no", 0), data)
        except (RequestBodyError, InferenceError, KeyError) as error:
            failure = {"message": str(error), "type": "internal_error", "param": None, "code": 500}
            return flask_json({"error": failure}, 500)
        return flask_json(completion(reply, model))


def _completion(prefix: str, kind: str, model: str, choice: Document) -> Document:
    return {
        "id": f"{prefix}-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
        "choices": [choice],
    }


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
