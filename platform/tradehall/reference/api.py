"""
Page of the API (接口): every path and method of the interface document, what it takes and what it answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from tradehall.kernel.payload import Obj, obj
from tradehall.kernel.refusal import Text
from tradehall.reference.markdown import code, heading, page, table
from tradehall.web.api.describe import ABOUT

if TYPE_CHECKING:
    from tradehall_standards import Json

TITLE = Text("接口", "API")
_ABOUT = Text(
    f"与节点的 `/openapi.json`（OpenAPI 3.1）同源；那里另有逐项示例。{ABOUT.zh}",
    f"Made from the same document as a node's `/openapi.json` (OpenAPI 3.1), which also has examples. {ABOUT.en}",
)
_NOTATION = (
    "形状写法 notation: `{a: T, b?: T}` 对象，`?` 为选填 object, `?` is optional; `[T]` 数组 array; "
    "`{*: T}` 任意键 any names; 大写开头者见[形状](#shapes) capitalised names are [shapes](#shapes)."
)
_REFERENCE: Final = "#/components/schemas/"


def api_page(document: Obj) -> str:
    """Return the page (接口页) of an OpenAPI document: operations by tag, then the shapes they use."""
    shapes = obj(obj(document.get("components")).get("schemas"))
    return page(
        TITLE,
        _ABOUT,
        _NOTATION,
        *_tags(document),
        heading(2, "Shapes 形状", "shapes"),
        *(block for name in sorted(shapes) for block in _shape(name, obj(shapes[name]))),
    )


def _tags(document: Obj) -> Iterator[str]:
    operations = [
        (path, method, obj(operation))
        for path, methods in obj(document.get("paths")).items()
        for method, operation in obj(methods).items()
    ]
    for tag in _items(document.get("tags")):
        yield heading(2, str(tag["description"]))
        for path, method, operation in operations:
            if tag["name"] in _list(operation.get("tags")):
                yield from _operation(path, method, operation)


def _operation(path: str, method: str, operation: Obj) -> Iterator[str]:
    yield heading(3, f"{method.upper()} `{path}`", str(operation["operationId"]))
    yield f"**{operation['summary']}**"
    yield str(operation.get("description", "")).strip()
    taken = [p for p in _items(operation.get("parameters")) if p.get("name") != "Accept-Language"]
    yield table(("parameter 参数", "in 位置", "required 必填", "shape 形状", "note 说明"), map(_parameter, taken))
    body = obj(operation.get("requestBody"))
    if body:
        needed = "必需 required" if body.get("required") else "可省 optional"
        kinds = " · ".join(f"{code(media)} {_shown(inner)}" for media, inner in obj(body["content"]).items())
        yield f"请求体 request body ({needed}): {kinds}"
    answers = [_answer(status, obj(answer)) for status, answer in obj(operation["responses"]).items()]
    yield table(("answer 应答", "note 说明", "shape 形状"), answers)


def _parameter(parameter: Obj) -> tuple[str, ...]:
    return (
        code(str(parameter["name"])),
        str(parameter["in"]),
        "●" if parameter.get("required") else "",
        code(written(obj(parameter.get("schema")))),
        str(parameter.get("description", "")),
    )


def _answer(status: str, answer: Obj) -> tuple[str, ...]:
    shapes = [f"{code(media)} {_shown(content)}" for media, content in obj(answer.get("content")).items()]
    return (status, str(answer.get("description", "")), " · ".join(shapes))


def _shown(content: Json) -> str:
    shape = obj(obj(content).get("schema"))
    reference = shape.get("$ref")
    if isinstance(reference, str) and reference.startswith(_REFERENCE):
        name = reference.removeprefix(_REFERENCE)
        return f"[{code(name)}](#shape-{name.lower()})"
    return code(written(shape))


def _shape(name: str, shape: Obj) -> Iterator[str]:
    yield heading(3, f"`{name}`", f"shape-{name.lower()}")
    yield str(shape.get("description", ""))
    if name == "Envelope":
        yield "`payload` 依所引标准而定，见 [families.md](families.md)。`payload` follows the schema that is cited."
    members = obj(shape.get("properties"))
    if not members:
        yield code(written(shape))
        return
    needed = _list(shape.get("required"))
    rows = [
        (code(m), "●" if m in needed else "", code(written(obj(inner))), str(obj(inner).get("description", "")))
        for m, inner in members.items()
    ]
    yield table(("member 成员", "required 必填", "shape 形状", "note 说明"), rows)


def written(shape: Obj) -> str:
    """Return a schema in the notation of the page (形状写法)."""
    reference = shape.get("$ref")
    if isinstance(reference, str):
        return reference.removeprefix(_REFERENCE)
    if "const" in shape:
        return json.dumps(shape["const"], ensure_ascii=False)
    if "enum" in shape:
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in _list(shape["enum"]))
    for keyword in ("anyOf", "oneOf"):
        if keyword in shape:
            return " | ".join(written(branch) for branch in _items(shape[keyword]))
    return _plain(shape)


def _plain(shape: Obj) -> str:
    kind = shape.get("type", "any")
    if kind == "array":
        return f"[{written(obj(shape.get('items')))}]"
    if kind == "object":
        return _object(shape)
    names = " | ".join(str(item) for item in kind) if isinstance(kind, list) else str(kind)
    return f"{names} ({shape['format']})" if "format" in shape else names


def _object(shape: Obj) -> str:
    members, needed = obj(shape.get("properties")), _list(shape.get("required"))
    if members:
        inner = (f"{name}{'' if name in needed else '?'}: {written(obj(member))}" for name, member in members.items())
        return f"{{{', '.join(inner)}}}"
    free = shape.get("additionalProperties")
    return f"{{*: {written(free)}}}" if isinstance(free, Mapping) else "object"


def _list(value: Json) -> list[Json]:
    return list(value) if isinstance(value, list) else []


def _items(value: Json) -> list[Obj]:
    return [obj(item) for item in _list(value)]
