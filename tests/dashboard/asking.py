"""One request to an ASGI app without a server."""

import asyncio


def ask(app, path, method="GET", body=b"", kind="http", client="10.0.0.1", **headers):
    """One request: status, headers and text of the answer; a WebSocket that is let in has status 101."""
    path, _, query = path.partition("?")
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in {"host": "lab:8501", **headers}.items()]
    scope = {"type": kind, "path": path, "query_string": query.encode(), "headers": raw, "client": (client, 1)}
    scope |= {"method": method, "scheme": "http", "server": ("lab", 8501), "root_path": "", "app": app}
    if kind == "websocket":
        scope |= {"subprotocols": [], "extensions": {"websocket.http.response": {}}, "scheme": "ws"}
    incoming = [{"type": "http.request", "body": body} if kind == "http" else {"type": "websocket.connect"}]
    sent = []

    async def receive():
        return incoming.pop(0) if incoming else {"type": f"{kind}.disconnect"}

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    if sent[0]["type"] == "websocket.accept":
        return 101, {}, ""
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], told, b"".join(part.get("body", b"") for part in sent[1:]).decode()
