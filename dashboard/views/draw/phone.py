"""Address of the lab on the local network, as a QR code."""

import socket
from urllib.parse import urlsplit

import segno
import streamlit as st

LOCAL = ("localhost", "127.0.0.1", "::1")


def phone() -> None:
    with st.popover("Open on your phone", icon=":material/qr_code_2:", width="content"):
        address = lan_address(st.context.url or "", st.get_option("server.address"), st.get_option("server.port"))
        if address is None:
            st.caption(
                "This lab answers this computer only. Start it without a server address to open it to the network."
            )
            return
        st.html(
            f'<img src="{segno.make(address, micro=False).svg_data_uri(scale=6, border=3, light="white")}" '
            f'width="210" height="210" style="border-radius: 8px" alt="QR code of {address}">'
        )
        st.code(address, language=None)
        st.caption("For devices on the same network.")


def lan_address(url: str, bound: str | None, port: int) -> str | None:
    """Return the address of this page for other devices; None if the server answers this computer only.

    Args:
        url: the page's address in the browser; unless it is a local one, others can use it too.
        bound: the address that the server is bound to, if one is set.
    """
    parts = urlsplit(url)
    if parts.hostname and parts.hostname not in LOCAL:
        return f"{parts.scheme}://{parts.netloc}/draw"
    if bound in LOCAL:
        return None
    host = bound if bound not in (None, "", "0.0.0.0", "::") else _own_address()
    return f"http://{host}:{port}/draw" if host else None


def _own_address() -> str | None:
    """Return this computer's address on its network; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address in LOCAL else address
