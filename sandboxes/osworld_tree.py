"""A tree as OSWorld's server writes it: XML, for agents and checks made for it.

It holds what `Desktop.ui_tree(details=True)` brings. Beside a walk that asks every object everything,
image descriptions, selections and the attributes of documents are missing.
"""

from __future__ import annotations

import re

from lxml import etree

from sandboxes.guest.protocol import Node
from sandboxes.observation import UiTree

_PLACES = {
    "st": "state",
    "attr": "attributes",
    "cp": "component",
    "doc": "document",
    "docattr": "document/attributes",
    "txt": "text",
    "val": "value",
    "act": "action",
}
NAMESPACES = {
    prefix: f"https://accessibility.ubuntu.example.org/ns/{place}" for prefix, place in _PLACES.items()
}
ROOT = "desktop-frame"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ON_SCREEN = {"showing", "visible"}


def osworld_xml(tree: UiTree) -> str:
    """The tree below the root `desktop-frame`, an element for each object."""
    root = etree.Element(ROOT, nsmap=NAMESPACES)
    elements: list[etree._Element] = []
    for node in tree.nodes:
        parent = root if node.parent is None else elements[node.parent]
        element = etree.SubElement(parent, _name(node.role), _attributes(node))
        element.text = _clean(node.text) or None
        elements.append(element)
    return etree.tostring(root, encoding="unicode")


def _attributes(node: Node) -> dict[str, str]:
    attributes = {"name": _clean(node.name)}
    attributes |= {_in("st", state.replace("-", "_")): "true" for state in node.states}
    attributes |= {_in("attr", name): _clean(value) for name, value in node.attributes}
    if node.rect is not None and _ON_SCREEN.issubset(node.states):
        attributes[_in("cp", "screencoord")] = str((node.rect.x, node.rect.y))
        attributes[_in("cp", "size")] = str((node.rect.width, node.rect.height))
    if node.range is not None:
        attributes |= {_in("val", name): str(value) for name, value in node.range.model_dump().items()}
    for action in node.actions:
        attributes[_in("act", f"{action.name}_desc")] = _clean(action.description)
        attributes[_in("act", f"{action.name}_kb")] = _clean(action.keys)
    if node.address:
        attributes[_in("docattr", "DocURL")] = _clean(node.address)
    return attributes


def _in(prefix: str, name: str) -> str:
    return f"{{{NAMESPACES[prefix]}}}{_name(name)}"


def _name(name: str) -> str:
    """An XML name of whatever an application calls something."""
    plain = _NOT_IN_NAMES.sub("-", name) or "unknown"
    return plain if plain[0].isalpha() or plain[0] == "_" else f"_{plain}"


def _clean(text: str) -> str:
    return _NOT_IN_XML.sub("", text)
