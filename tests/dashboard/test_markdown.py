"""Text from outside is never Markdown: what pages hand to Streamlit's Markdown is the lab's own, or escaped."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard import lab

DASHBOARD = Path(lab.__file__).parent
#: What shows its first argument as Markdown.
SHOWS = {"error", "warning", "info", "success", "caption", "markdown", "toast", "title", "header", "subheader"}
SHOWS |= {"metric", "button", "popover", "expander", "checkbox", "toggle", "progress", "spinner", "say", "attempt"}
#: What makes text safe, or a number of it.
ESCAPES = {
    "literal",
    "explain",
    "len",
    "int",
    "label",
    "help_text",
    "number",
    "counted",
    "percent",
    "size",
    "date_time",
    "clock_time",
    "loss",
    "not_here",
}
#: Attributes that hold what a person has typed, a file has in it, or a system has said.
FOREIGN_ATTRIBUTES = {
    "message",
    "problem",
    "failure",
    "trouble",
    "name",
    "owner",
    "owner_name",
    "notes",
    "origin",
    "tags",
}
FOREIGN_ATTRIBUTES |= {"stem", "query_params", "session_state", "cookies", "url", "strerror", "args"}
KEYWORDS = {"body", "label", "help", "done"}
FOREIGN_CALLS = {"run_title", "run_line", "run_choice", "provenance", "str", "value"}
#: What was made into safe Markdown before it was put there.
SAFE = {"notices.py"}


class Module:
    """A module's source; ``foreign`` follows names to their assignments, and its own functions to what they return."""

    def __init__(self, source: str) -> None:
        self.tree = ast.parse(source)
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)}

    def unescaped(self) -> list[str]:
        """Each call that shows foreign text as Markdown, with its line."""
        found = []
        for scope in [self.tree, *self.functions.values()]:
            for call in _calls(scope):
                shown = [*call.args[:1], *(word.value for word in call.keywords if word.arg in KEYWORDS)]
                if isinstance(call.func, ast.Attribute) and call.func.attr == "attempt":
                    shown = call.args[1:2]
                found += [f"{call.lineno}: {what}" for part in shown for what in self.foreign(part, scope)]
        return found

    def foreign(self, expression: ast.AST, scope: ast.AST, seen: frozenset[str] = frozenset()) -> Iterator[str]:
        """Texts from outside in the expression that it does not escape."""
        parts: list[ast.AST] = list(ast.iter_child_nodes(expression))
        match expression:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in ESCAPES:
                return
            case ast.Call(func=ast.Name(id="map"), args=[ast.Name(id=name), *_]) if name in ESCAPES:
                return
            case ast.FormattedValue(format_spec=ast.JoinedStr()) | ast.Compare() | ast.Lambda():
                return
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in FOREIGN_CALLS:
                yield ast.unparse(expression)
                return
            case ast.Call(func=ast.Attribute(value=ast.Name(id="address"), attr="get")):
                yield ast.unparse(expression)
                return
            case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                function = self.functions[name]
                returns = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]
                own = {argument.arg for argument in function.args.args}
                inside = {what for value in returns for what in self.foreign(value, function, seen | {f"{name}()"})}
                inside |= {f"{name} returns its {what}" for what in own for value in returns if _bare(value, what)}
                if f"{name}()" not in seen and not any(" returns its " in what for what in inside):
                    yield from inside
                    return
            case ast.Subscript(value=ast.Name(id="STATE" | "_STATE")):
                yield ast.unparse(expression)
                return
            case ast.Attribute(attr=name) if name in FOREIGN_ATTRIBUTES:
                yield ast.unparse(expression)
                return
            case ast.Name(id=name) if name not in seen:
                parts = list(_assigned(name, scope))
                if any(isinstance(part, ast.ExceptHandler) for part in parts):
                    yield f"the exception {name}"
                    return
                seen |= {name}
            case ast.IfExp(body=body, orelse=other):
                parts = [body, other]
            case ast.ListComp(elt=part) | ast.GeneratorExp(elt=part) | ast.SetComp(elt=part):
                parts = [part]
            case ast.Subscript(value=value):
                parts = [value]
        for part in parts:
            yield from self.foreign(part, scope, seen)


def _assigned(name: str, scope: ast.AST) -> Iterator[ast.AST]:
    """Values assigned to a name in a scope; the handler, where it is an exception."""

    def has_name(target: ast.AST) -> bool:
        return any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(target))

    for node in ast.walk(scope):
        match node:
            case ast.ExceptHandler(name=caught) if caught == name:
                yield node
            case ast.Assign(targets=targets, value=value) if any(map(has_name, targets)):
                yield value
            case ast.comprehension(target=target, iter=value) | ast.For(target=target, iter=value) if has_name(target):
                yield value
            case ast.NamedExpr(target=target, value=value) | ast.AugAssign(target=target, value=value) if has_name(
                target
            ):
                yield value


def _bare(expression: ast.AST, name: str) -> bool:
    """True if the expression has the name in it, not escaped."""
    match expression:
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if called in ESCAPES:
            return False
        case ast.Name(id=found):
            return found == name
    return any(_bare(part, name) for part in ast.iter_child_nodes(expression))


def _calls(scope: ast.AST) -> Iterator[ast.Call]:
    """The calls in a function or a module, without those in its functions."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SHOWS:
            yield node
        if not isinstance(node, ast.FunctionDef):
            yield from _calls(node)


@pytest.mark.parametrize(
    "line",
    [
        "st.error(str(error))",
        "st.error(f'Wrong: {error}.')",
        "shown = str(error); place.caption(shown)",
        "if shown := address.get('q'): st.info(shown)",
        "st.toast('Saved ' + model.name)",
        "st.markdown(f'{run_line(run)} ends')",
        "st.button('Go', help=model.problem)",
        "notices.attempt(work, f'{name} is gone')",
        "st.info(st.query_params['x'])",
        "st.popover(f'{STATE[x]} images')",
        "st.caption(' '.join(tag for tag in run.tags))",
        "for problem in problems(run.notes): st.info(problem)",
    ],
)
def test_foreign_text_is_found(line: str) -> None:
    source = f"def page(name):\n    try:\n        name = model.name\n    except ValueError as error:\n        {line}\n"
    assert len(Module(source).unescaped()) == 1


@pytest.mark.parametrize(
    "line", ["st.error(explain(error))", "st.caption(f'{literal(model.name)}: {len(error):,}')", "st.error('Wrong.')"]
)
def test_escaped_text_is_not(line: str) -> None:
    assert Module(f"try:\n    pass\nexcept ValueError as error:\n    {line}\n").unescaped() == []


PAGES = sorted(path for path in DASHBOARD.rglob("*.py") if path.name not in SAFE)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DASHBOARD)))
def test_no_page_shows_text_from_outside_as_markdown(path: Path) -> None:
    assert Module(path.read_text("utf-8")).unescaped() == []
