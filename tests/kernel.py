"""A widget in a page with a model as anywidget gives it to `render`; its messages go to the Python object of a test."""

import base64
from functools import partial

MOUNT = """async ([source, values]) => {
  const listeners = {};
  const bytes = (code) => Uint8Array.from(atob(code), (c) => c.charCodeAt(0));
  const model = window.model = {
    saved: {}, pending: {}, listeners,
    get: (name) => values[name],
    set(name, value) { values[name] = value; model.pending[name] = value; },
    save_changes() { Object.assign(model.saved, model.pending); model.pending = {}; },
    on: (event, f) => (listeners[event] ||= []).push(f),
    off: (event, f) => (listeners[event] = (listeners[event] || []).filter((g) => g !== f)),
    push(name, value) { values[name] = value; (listeners["change:" + name] || []).forEach((f) => f()); },
    async send(content, _, buffers = []) {
      const [reply, codes] = await askPython(content, buffers.map((b) => Array.from(new Uint8Array(b))));
      const views = codes.map((code) => new DataView(bytes(code).buffer));
      [...(listeners["msg:custom"] || [])].forEach((f) => f(reply, views));
    },
  };
  const module = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
  window.leave = module.default.render({model, el: document.body.appendChild(document.createElement("div"))});
}"""


def answer(widget, content, buffers):
    """What the widget sends back for a message from the page: the content, and each buffer in base64."""
    sent = []
    widget.send = lambda reply, given=None: sent.append((reply, given or []))
    widget._answer(widget, content, [bytes(buffer) for buffer in buffers])
    ((reply, given),) = sent
    return reply, [base64.b64encode(buffer).decode() for buffer in given]


def mount(page, widget, answers=None):
    """Put the widget into an empty page; its messages are answered by itself, or by `answers(content, buffers)`."""
    page.expose_function("askPython", answers or partial(answer, widget))
    page.set_content("<!doctype html><html lang=en><body></body></html>")
    page.evaluate(MOUNT, [widget._esm, {name: getattr(widget, name) for name in ("payload", *widget._shared)}])
