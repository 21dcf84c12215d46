"""The state of a page: the values of its widgets, and its address.

A page has one table of its values, a ``State``, and draws its widgets from it. A value that is missing or None means
its default, always: Streamlit forgets a value that was put into the session when the page changes before its second
run, when a popover is drawn late, and when the browser goes back. So each widget gets its default as its own, not
through the session.

Linked values stand in the address too, which is then a link to what the page shows. Streamlit reads and writes those
itself, under the widget's key; a default is left out. All else in the address is no widget's: which run, which
lesson. ``get`` and ``put`` are for that.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlencode, urlsplit

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state import get_session_state

from core.runs.store import Run
from dashboard import lab

P = ParamSpec("P")
R = TypeVar("R")

#: In the session: the page on which values were last written, and by name what each has been and is; None for none.
_WRITTEN = "address.written"


class State:
    """The values of one page.

    Args:
        prefix: begins the key of each value in the session, and its name in the address.
        defaults: name -> default: text, one of some options, or a list of them.
        linked: True to have the values in the address; else they last as long as the session.
    """

    def __init__(self, prefix: str, defaults: Mapping[str, Any], linked: bool = False) -> None:
        self._prefix, self._defaults, self._linked = prefix, dict(defaults), linked

    def key(self, name: str) -> str:
        return f"{self._prefix}{name}"

    def __getitem__(self, name: str) -> Any:
        return self.get(name, self._defaults[name])

    def get(self, name: str, default: Any) -> Any:
        """Return a value whose default is not in the table, since a registry has it."""
        value = st.session_state.get(self.key(name))
        return default if value is None else value

    def __setitem__(self, name: str, value: Any) -> None:
        """Put a value in: in a callback, or before its widget is drawn."""
        st.session_state[self.key(name)] = value

    def text(self, name: str, default: Any = None) -> dict[str, Any]:
        """Arguments of a text field, a checkbox or a slider.

        Args:
            default: where it is not the table's.
        """
        default = self._default(name, default)
        return {"value": default, **self.kept(name, default)}

    def choice(self, name: str, options: Sequence[Any], default: Any = None, free: bool = False) -> dict[str, Any]:
        """Arguments of a selectbox.

        Args:
            default: where it is not the table's; the first option if it is none of them.
            free: True if a value that is none of the options may stay; else it becomes the default.
        """
        default = self._default(name, default)
        default = default if default in options else options[0]
        if not free and self.get(name, default) not in options:
            self[name] = default
        return {"options": options, "index": list(options).index(default), **self.kept(name, default)}

    def many(self, name: str, options: Sequence[Any], default: Any = None) -> dict[str, Any]:
        """Arguments of a multiselect, pills, or a segmented control."""
        default = self._default(name, default)
        return {"options": options, "default": default, **self.kept(name, default)}

    def kept(self, name: str, default: Any = None) -> dict[str, Any]:
        """Arguments of any other widget, whose default stands at its call."""
        key = self.key(name)
        if default is not None and key in st.session_state and st.session_state[key] is None:
            st.session_state[key] = default
        return {"key": key, **({"bind": "query-params"} if self._linked else {"persist_state": "session"})}

    def _default(self, name: str, default: Any) -> Any:
        return self._defaults.get(name) if default is None else default


def get(name: str) -> str:
    """Return a value of the address that is no widget's; "" if it is not there."""
    return st.query_params.get(name, "")


def has(name: str) -> bool:
    """Return True if the address has such a value, be it an empty one."""
    return name in st.query_params


def empty() -> bool:
    """Return True if the address says nothing: the page then shows what it chooses itself."""
    return not st.query_params


def here() -> str:
    """Return the path and the values of this address, for a link that leads back to it."""
    values = urlencode({name: st.query_params.get_all(name) for name in st.query_params}, doseq=True)
    path = urlsplit(st.context.url or "/").path
    return f"{path}?{values}" if values else path


def returned() -> bool:
    """Return True if the visitor has gone back or forward to this address: it is what the page shows now."""
    context = get_script_run_ctx()
    return bool(context and context.is_history_navigation)


def put(**values: str | None) -> None:
    """Write such values into the address; None takes one out."""
    _record(values)
    for name, value in values.items():
        if value is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = value


def complete(**values: str) -> None:
    """Write such values, which the page chose by itself, into the address without a further entry in the history.

    The browser's Back would lead to the address without them, which would be completed again: a trap. So the browser
    replaces its entry; the script sees the values from its next run on.
    """
    with st.container(key="complete-address"):
        _complete(data=values)


_complete = st.components.v2.component(
    "descent_address",
    js="""export default function ({ data }) {
  const address = new URL(location.href)
  for (const [name, value] of Object.entries(data)) address.searchParams.set(name, value)
  history.replaceState(history.state, "", address)
}""",
)


def only(**values: str) -> None:
    """Write these values into the address, and nothing else."""
    # Each writing sends a message to the browser, also one that changes nothing.
    if st.query_params.to_dict() != values:
        _record({**dict.fromkeys(st.query_params.to_dict()), **values})
        st.query_params.from_dict(values)


def _record(values: Mapping[str, str | None]) -> None:
    page, written = st.session_state.get(_WRITTEN, ("", {}))
    context = get_script_run_ctx()
    here = context.page_script_hash if context else ""
    kept = dict(written) if page == here else {}
    for name, value in values.items():
        former, _ = kept.get(name, (frozenset(), None))
        kept[name] = former | {st.query_params.get(name)}, value
    st.session_state[_WRITTEN] = here, kept


def hold() -> None:
    """Keep what was written where a request does not know of it yet; the first thing of every run.

    A request brings the browser's address with it. One that was on its way while the lab wrote, of a part that is drawn
    at intervals or of a chart, brings the former one, and the page would lose what it has just begun to show. The
    visitor's own way back is known as such.
    """
    context = get_script_run_ctx()
    page, written = st.session_state.get(_WRITTEN, ("", {}))
    if context is None or not written:
        return
    if returned() or context.page_script_hash != page:
        del st.session_state[_WRITTEN]
        return
    with get_session_state().query_params() as known:
        given = known.to_dict()
        lost = {
            name: value
            for name, (former, value) in written.items()
            if given.get(name) != value and given.get(name) in former
        }
        for name, value in lost.items():
            # Without a message to the browser, which has been sent one, and would make another entry in its history.
            if value is None:
                known.discard_param_no_forward_msg(name)
            else:
                known.set_with_no_forward_msg(name, value)
        if lost:
            context.query_string = urlencode({name: known.get_all(name) for name in known}, doseq=True)


def fragment(every: float | None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Turn a function into a part of the page that is drawn by itself.

    Args:
        every: seconds between drawings; None where only a press in it draws it anew.
    """

    def decorate(draw: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(draw)
        def held(*args: P.args, **named: P.kwargs) -> R:
            hold()
            return draw(*args, **named)

        return st.fragment(held, run_every=every)

    return decorate


def ids(name: str) -> list[str]:
    """Return the different ids that the address lists under ``name``, in their order."""
    return list(dict.fromkeys(filter(None, get(name).split(","))))


def runs(name: str) -> list[Run]:
    """Return the runs whose ids the address lists under ``name``, without those that this lab does not have."""
    return [run for run in map(lab.service().run, ids(name)) if run]


def gone(name: str) -> int:
    """Return how many of the runs whose ids the address lists under ``name`` this lab does not have."""
    return len(ids(name)) - len(runs(name))
