"""Read a kernel's C into the trees of ``syntax.py`` with tree-sitter.

What the rewrites cannot follow (``while``, pointers that move, calls of other functions) becomes an ``Opaque``
statement with its reason; it is the analysis that refuses, so that parsing and printing work on any kernel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import tree_sitter_c
from tree_sitter import Language, Node, Parser

from autocomp_kit.agents.rules.calls import Helper, unfold_call, value_of_call
from autocomp_kit.agents.rules.commands import HOST, is_command
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import (
    Binary,
    Cast,
    Conditional,
    Expression,
    Index,
    Name,
    Number,
    Real,
    Sizeof,
    Unary,
    number,
    simplify,
    substitute,
    width_of,
)
from autocomp_kit.agents.rules.syntax import (
    Array,
    Assign,
    Command,
    Declare,
    If,
    Kernel,
    Loop,
    Note,
    Opaque,
    Origin,
    Statement,
    Statements,
    substitute_in,
    walk,
)

__all__ = ["parse_kernel"]

_DEEPEST = 64


class _Unreadable(Exception):  # noqa: N818 - never leaves this module; it carries a reason to an Opaque statement
    """An expression or statement is outside what the trees can hold."""


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_c.language()))


def parse_kernel(code: str, *, dim: int | None = None) -> Kernel:
    """Parse a kernel.

    Parameters
    ----------
    code
        C text with one kernel function: the one called ``solution``, else the last one defined.
    dim
        What ``DIM`` is, for loops that count by it.

    Raises
    ------
    RewriteError
        If the text is not C or holds no function.
    """
    data = code.encode()
    root = _parser().parse(data).root_node
    if root.has_error:
        raise RewriteError("parse", "this is not C that tree-sitter understands", line=_error_line(root))
    functions = [node for node in root.named_children if node.type == "function_definition"]
    if not functions:
        raise RewriteError("parse", "there is no function here")
    function = next((node for node in functions if _function_name(node) == "solution"), functions[-1])
    body = function.child_by_field_name("body")
    if body is None:  # tree-sitter gives every function definition a body; mypy cannot know
        raise RewriteError("parse", "the function has no body", line=function.start_point.row + 1)
    helpers = [node for node in functions if node is not function]
    reader = _Reader(data, helpers, taken=names_of(_text(function)), dim=dim)
    statements = reader.block(body)
    readable = not any(isinstance(statement, Opaque) for statement, _ in walk(statements))
    before = _without(reader.unfolded if readable else [], data[: body.start_byte])
    return Kernel(
        before=before.decode(),
        arrays=(*_arrays(function), *reader.arrays),
        body=statements,
        after=data[body.end_byte :].decode(),
        indent=_indent(body),
    )


def names_of(text: str) -> set[str]:
    """Return all that looks like a name in a text."""
    return set(re.findall(r"[A-Za-z_]\w*", text))


def _without(functions: list[Node], text: bytes) -> bytes:
    """Return the text before a kernel without functions that were unfolded, and the comments right above them."""
    for function in sorted(functions, key=lambda node: -node.start_byte):
        first = function
        while (above := first.prev_named_sibling) is not None and above.type == "comment":
            if above.end_point.row != first.start_point.row - 1:
                break
            first = above
        text = text[: first.start_byte] + text[function.end_byte :].lstrip()
    return text


def _error_line(node: Node) -> int:
    for child in node.children:
        if child.type == "ERROR" or child.is_missing:
            return child.start_point.row + 1
        if child.has_error:
            return _error_line(child)
    return node.start_point.row + 1


def _text(node: Node | None) -> str:
    return (node.text or b"").decode() if node is not None else ""


def _source(node: Node) -> str:
    """Return a statement's text as if it stood at the left margin."""
    margin = node.start_point.column
    first, *others = _text(node).splitlines()
    return "\n".join([first, *(line[min(margin, len(line) - len(line.lstrip())) :] for line in others)])


def _function_name(function: Node) -> str:
    declarator = function.child_by_field_name("declarator")
    while declarator is not None and declarator.type != "identifier":
        declarator = declarator.child_by_field_name("declarator")
    return _text(declarator)


def _indent(body: Node) -> str:
    for child in body.named_children:
        if child.start_point.row > body.start_point.row and child.start_point.column:
            return " " * min(child.start_point.column, 8)
    return "  "


def _arrays(function: Node) -> tuple[Array, ...]:
    declarator = function.child_by_field_name("declarator")
    parameters = declarator.child_by_field_name("parameters") if declarator is not None else None
    result = []
    for parameter in parameters.named_children if parameters is not None else ():
        inner = parameter.child_by_field_name("declarator")
        type_name = _text(parameter.child_by_field_name("type"))
        dimensions: list[int] = []
        pointer = False
        while inner is not None and inner.type != "identifier":
            if inner.type == "array_declarator":
                dimensions.insert(0, _dimension(inner.child_by_field_name("size")))
            pointer = pointer or inner.type == "pointer_declarator"
            inner = inner.child_by_field_name("declarator") or next(
                (child for child in inner.named_children if child.type != "type_qualifier"), None
            )
        width = width_of(type_name)
        if inner is not None and width and (pointer or dimensions):
            # A pointer to rows, `(*A)[512]`, has an unknown number of them, like `A[][512]`.
            known = (0, *dimensions) if pointer and dimensions else tuple(dimensions)
            result.append(Array(_text(inner), type_name, width, known))
    return tuple(result)


def _parameter_names(function: Node) -> Iterator[str]:
    declarator = function.child_by_field_name("declarator")
    parameters = declarator.child_by_field_name("parameters") if declarator is not None else None
    for parameter in parameters.named_children if parameters is not None else ():
        inner = parameter.child_by_field_name("declarator")
        while inner is not None and inner.type != "identifier":
            inner = inner.child_by_field_name("declarator")
        if inner is not None:
            yield _text(inner)


def _dimension(node: Node | None) -> int:
    if node is None:
        return 0
    try:
        size = simplify(_Reader(b"").expression(node))
    except _Unreadable:
        return 0
    return size.value if isinstance(size, Number) else 0


class _Reader:
    """Turns syntax nodes into statements and expressions.

    ``helpers`` are functions whose calls are unfolded, ``taken`` the names that their variables may not get. What was
    unfolded, and the arrays that the kernel has of its own, are in ``unfolded`` and ``arrays``.
    """

    def __init__(
        self, data: bytes, helpers: Sequence[Node] = (), *, taken: set[str] | None = None, dim: int | None = None
    ) -> None:
        self._data = data
        self._lines = data.decode().splitlines()
        self._helpers = {_function_name(node): node for node in helpers}
        self._taken = taken if taken is not None else set()
        self.constants = {} if dim is None else {"DIM": Number(dim)}
        self.unfolded: list[Node] = []
        self.arrays: list[Array] = []

    def block(self, node: Node) -> Statements:
        """Read the statements between braces, or one statement without them."""
        if node.type != "compound_statement":
            return tuple(self._statements(node, Origin(node.start_point.row + 1, node.start_point.column + 1)))
        result: list[Statement] = []
        leading: list[str] = []
        last_row, last_column = node.start_point.row, 0
        for child in node.named_children:
            gap = child.start_point.row - last_row > 1
            if child.type == "comment":
                if result and child.start_point.row == last_row and not leading:
                    gap_before = " " * max(child.start_point.column - last_column, 1)
                    result[-1] = _with_trailing(result[-1], gap_before, _text(child))
                else:
                    leading.extend([""] if gap and (result or leading) else [])
                    leading.append(_text(child))
            else:
                leading.extend([""] if gap and (result or leading) else [])
                origin = Origin(child.start_point.row + 1, child.start_point.column + 1, tuple(leading))
                result.extend(self._statements(child, origin))
                leading = []
            last_row, last_column = child.end_point.row, child.end_point.column
        if leading:
            result.append(Note(Origin(node.end_point.row + 1, 1, tuple(leading))))
        return tuple(result)

    def _statements(self, node: Node, origin: Origin) -> list[Statement]:
        try:
            return self._read(node, origin)
        except _Unreadable as error:
            return [Opaque(_source(node), str(error), origin)]
        except RecursionError:
            return [Opaque(_source(node), "it is nested too deeply", origin)]

    def _read(self, node: Node, origin: Origin) -> list[Statement]:
        if node.type == "for_statement":
            return [self._loop(node, origin)]
        if node.type == "if_statement":
            return [self._if(node, origin)]
        if node.type == "declaration":
            return self._declarations(node, origin)
        if node.type == "compound_statement":
            inner = self.block(node)
            if any(isinstance(statement, Declare) for statement in inner):
                raise _Unreadable("a block of its own declares variables")
            return list(inner)
        if node.type == "expression_statement":
            return self._expression_statement(node, origin)
        raise _Unreadable(f"the analysis cannot follow a {node.type.replace('_', ' ')}")

    def _expression_statement(self, node: Node, origin: Origin) -> list[Statement]:
        if not node.named_children:
            return []
        inner = node.named_children[0]
        origin = Origin(origin.line, origin.column, origin.leading, text=_source(node))
        if inner.type == "call_expression":
            function = _text(inner.child_by_field_name("function"))
            arguments = inner.child_by_field_name("arguments")
            children = arguments.named_children if arguments is not None else []
            given = tuple(self.expression(child) for child in children if child.type != "comment")
            if is_command(function):
                return [Command(function, given, origin)]
            return self._unfolded(function, given, origin)
        if inner.type in {"assignment_expression", "update_expression"}:
            target = inner.child_by_field_name("left") or inner.child_by_field_name("argument")
            if target is not None and target.type == "identifier":
                return [Assign(_text(target), _text(node), origin)]
            if target is not None and target.type == "subscript_expression" and inner.type == "assignment_expression":
                return [self._computation(inner, origin)]
        raise _Unreadable("the analysis cannot follow what this statement does")

    def _computation(self, node: Node, origin: Origin) -> Command:
        """Read what the host computes and puts into an array."""
        operator = _text(node.child_by_field_name("operator"))
        target, value = self._field(node, "left", 0), self._field(node, "right", 0)
        return Command(HOST, (target, value if operator == "=" else Binary(operator[:-1], target, value)), origin)

    def _unfolded(self, function: str, arguments: tuple[Expression, ...], origin: Origin) -> list[Statement]:
        try:
            helper = self._helper(function)
            return list(unfold_call(helper, arguments, origin, taken=self._taken, constants=self.constants))
        except RewriteError as error:
            raise _Unreadable(error.reason) from error

    def _helper(self, function: str) -> Helper:
        """Read a function of the kernel's own, note that it is unfolded."""
        node = self._helpers.get(function)
        body = node.child_by_field_name("body") if node is not None else None
        if node is None or body is None:
            raise _Unreadable(f"{function}() is not a command of the accelerator")
        others = [other for name, other in self._helpers.items() if name != function]
        dim = self.constants.get("DIM")
        reader = _Reader(self._data, others, taken=self._taken, dim=dim.value if dim else None)
        parameters = tuple(_parameter_names(node))
        statements = [child for child in body.named_children if child.type != "comment"]
        if len(statements) == 1 and statements[0].type == "return_statement" and statements[0].named_children:
            helper = Helper(function, parameters, result=reader.expression(statements[0].named_children[0]))
        else:
            helper = Helper(function, parameters, body=reader.block(body))
        if reader.arrays:
            raise _Unreadable(f"{function}() has an array of its own")
        self.unfolded += [one for one in (node, *reader.unfolded) if one not in self.unfolded]
        return helper

    def _call_expression(self, node: Node, depth: int) -> Expression:
        arguments = node.child_by_field_name("arguments")
        given = [a for a in arguments.named_children if a.type != "comment"] if arguments is not None else []
        helper = self._helper(_text(node.child_by_field_name("function")))
        try:
            return value_of_call(helper, [self.expression(argument, depth) for argument in given])
        except RewriteError as error:
            raise _Unreadable(error.reason) from error

    def _declarations(self, node: Node, origin: Origin) -> list[Statement]:
        words = [_text(child) for child in node.children if child.type in {"storage_class_specifier", "type_qualifier"}]
        type_name = " ".join([*words, _text(node.child_by_field_name("type"))])
        declarators = node.children_by_field_name("declarator")
        result: list[Statement] = []
        for declarator in declarators:
            name, value = declarator, None
            if declarator.type == "init_declarator":
                inner, given = declarator.child_by_field_name("declarator"), declarator.child_by_field_name("value")
                if inner is None or given is None:
                    raise _Unreadable("the analysis cannot follow this declaration")
                name, value = inner, self.expression(given)
            if name.type == "array_declarator" and value is None:
                result.append(self._local_array(type_name, name, origin, first=not result))
                continue
            if name.type != "identifier":
                raise _Unreadable("only plain variables and arrays can be declared inside a kernel")
            text = _source(node) if len(declarators) == 1 else None
            leading = origin.leading if not result else ()
            column = declarator.start_point.column + 1 if result else origin.column
            result.append(
                Declare(type_name, _text(name), value, Origin(origin.line, column, leading, text=text)),
            )
        return result

    def _local_array(self, type_name: str, declarator: Node, origin: Origin, *, first: bool) -> Declare:
        dimensions: list[int] = []
        inner: Node | None = declarator
        while inner is not None and inner.type == "array_declarator":
            dimensions.insert(0, _dimension(inner.child_by_field_name("size")))
            inner = inner.child_by_field_name("declarator")
        width = width_of(type_name.rsplit(maxsplit=1)[-1])
        name = _text(inner)
        if inner is None or inner.type != "identifier" or width is None or not all(dimensions):
            raise _Unreadable("the size of this array is not known here")
        if name in {array.name for array in self.arrays}:
            raise _Unreadable(f"there are two arrays called {name}")
        self.arrays.append(Array(name, type_name, width, tuple(dimensions)))
        leading, column = (origin.leading, origin.column) if first else ((), declarator.start_point.column + 1)
        text = f"{type_name} {_text(declarator)};"
        return Declare(type_name, name, None, Origin(origin.line, column, leading, text=text))

    def _if(self, node: Node, origin: Origin) -> If:
        condition, then = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
        otherwise = node.child_by_field_name("alternative")
        if condition is None or then is None:
            raise _Unreadable("the analysis cannot follow this condition")
        last = (
            next((child for child in otherwise.named_children if child.type != "comment"), None) if otherwise else None
        )
        text = self._header(node, then)
        return If(
            self.expression(condition),
            self.block(then),
            self.block(last) if last is not None else (),
            Origin(origin.line, origin.column, origin.leading, text=text),
        )

    def _loop(self, node: Node, origin: Origin) -> Loop:
        start_node, test, update = (node.child_by_field_name(f) for f in ("initializer", "condition", "update"))
        body = node.child_by_field_name("body")
        if start_node is None or test is None or update is None or body is None:
            raise _Unreadable("a loop needs a start, a bound and a step")
        if start_node.type != "declaration":
            raise _Unreadable("a loop must declare its own variable")
        declared = self._declarations(start_node, origin)
        if len(declared) != 1 or not isinstance(declared[0], Declare) or declared[0].value is None:
            raise _Unreadable("a loop must declare one variable with a start value")
        variable = declared[0].name
        if _text(update.child_by_field_name("operator")) == "--":
            return self._downward(declared[0], self.expression(test), self.block(body), origin)
        return Loop(
            variable=variable,
            type=declared[0].type,
            start=declared[0].value,
            bound=_bound(self.expression(test), variable),
            step=_step(update, variable, self),
            body=self.block(body),
            origin=Origin(origin.line, origin.column, origin.leading, text=self._header(node, body)),
        )

    def _downward(self, declared: Declare, test: Expression, body: Statements, origin: Origin) -> Loop:
        """Return a loop that counts down by one as one that counts its turns."""
        name, start = declared.name, declared.value
        match test:
            case Binary(">" | ">=" as operator, Name(tested), last) if tested == name and start is not None:
                trips = Binary("-", start, last)
            case _:
                raise _Unreadable(f"the loop must test its variable {name} against a lower bound")
        turn, counter = f"{name}_turn", 0
        while turn in self._taken:
            turn, counter = f"{name}_turn_{counter}", counter + 1
        self._taken.add(turn)
        bound = simplify(Binary("+", trips, Number(1)) if operator == ">=" else trips)
        inside = substitute_in(body, name, Binary("-", start, Name(turn)))
        return Loop(turn, declared.type, Number(0), bound, 1, inside, replace(origin, text=None))

    def _header(self, node: Node, body: Node) -> str | None:
        """Return the text before the body if it fits one line."""
        first, last = node.start_point, body.start_point
        if first.row != last.row:
            return None
        line = self._lines[first.row].encode()
        return line[first.column : last.column].decode().rstrip()

    def expression(self, node: Node, depth: int = 0) -> Expression:
        """Read one expression."""
        if depth > _DEEPEST:
            raise _Unreadable("an expression is nested too deeply")
        read = getattr(self, f"_{node.type}", None)
        if read is None:
            raise _Unreadable(f"the analysis cannot follow a {node.type.replace('_', ' ')}")
        result: Expression = read(node, depth + 1)
        return result

    def _field(self, node: Node, name: str, depth: int) -> Expression:
        child = node.child_by_field_name(name)
        if child is None:
            raise _Unreadable("an operand is missing")
        return self.expression(child, depth)

    def _number_literal(self, node: Node, _depth: int) -> Expression:
        return _literal(_text(node))

    def _identifier(self, node: Node, _depth: int) -> Expression:
        return Name(_text(node))

    _true = _false = _null = _identifier

    def _parenthesized_expression(self, node: Node, depth: int) -> Expression:
        inner = [child for child in node.named_children if child.type != "comment"]
        if len(inner) != 1:
            raise _Unreadable("parentheses around more than one expression")
        return self.expression(inner[0], depth)

    def _binary_expression(self, node: Node, depth: int) -> Expression:
        operator = _text(node.child_by_field_name("operator"))
        return Binary(operator, self._field(node, "left", depth), self._field(node, "right", depth))

    def _unary_expression(self, node: Node, depth: int) -> Expression:
        operator, operand = _text(node.child_by_field_name("operator")), self._field(node, "argument", depth)
        if operator == "+":
            return operand
        if operator == "-" and isinstance(operand, Number):
            return number(-operand.value)
        return Unary(operator, operand)

    _pointer_expression = _unary_expression

    def _conditional_expression(self, node: Node, depth: int) -> Expression:
        condition, then, otherwise = (
            self._field(node, name, depth) for name in ("condition", "consequence", "alternative")
        )
        return Conditional(condition, then, otherwise)

    def _cast_expression(self, node: Node, depth: int) -> Expression:
        return Cast(_text(node.child_by_field_name("type")), self._field(node, "value", depth))

    def _sizeof_expression(self, node: Node, _depth: int) -> Expression:
        type_node = node.child_by_field_name("type")
        inner = type_node if type_node is not None else node.child_by_field_name("value")
        name = _text(inner).strip("() ")
        if width_of(name) is None:
            raise _Unreadable(f"the size of {name} is not known here")
        return Sizeof(name)

    def _subscript_expression(self, node: Node, depth: int) -> Expression:
        return Index(self._field(node, "argument", depth), self._field(node, "index", depth))


def _with_trailing(statement: Statement, gap: str, comment: str) -> Statement:
    """Attach a comment that stands behind a statement; behind a block it would move, so it is dropped there."""
    if isinstance(statement, Command | Declare | Assign | Opaque):
        return replace(statement, origin=replace(statement.origin, trailing=gap + comment))
    return statement


_INTEGER = re.compile(r"(-?)(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)[uUlL]*")


def _literal(text: str) -> Expression:
    match = _INTEGER.fullmatch(text)
    if match is None:
        return Real(text)
    sign, digits = -1 if match[1] else 1, match[2]
    octal = len(digits) > 1 and digits.isdigit() and digits.startswith("0")
    try:
        return Number(sign * (int(digits, 8) if octal else int(digits, 0)), text)
    except ValueError:  # such as 08
        return Real(text)


def _bound(test: Expression, variable: str) -> Expression:
    """Return the exclusive upper bound that a loop's test states."""
    match test:
        case Binary("<" | "<=" as operator, Name(name), bound) if name == variable:
            pass
        case Binary(">" | ">=" as operator, bound, Name(name)) if name == variable:
            pass
        case Binary("!=" as operator, Name(name), bound) if name == variable:
            pass
        case _:
            raise _Unreadable(f"the loop must test its variable {variable} against an upper bound")
    return simplify(Binary("+", bound, Number(1))) if operator in {"<=", ">="} else bound


def _step(update: Node, variable: str, reader: _Reader) -> int:
    """Return the positive constant by which a loop's update raises its variable."""
    target = update.child_by_field_name("argument") or update.child_by_field_name("left")
    operator = _text(update.child_by_field_name("operator"))
    step: Expression | None = None
    if _text(target) == variable:
        if update.type == "update_expression" and operator == "++":
            step = Number(1)
        right = update.child_by_field_name("right")
        if update.type == "assignment_expression" and right is not None:
            value = reader.expression(right)
            match value:
                case _ if operator == "+=":
                    step = simplify(substitute(value, reader.constants))
                case Binary("+", Name(name), added) | Binary("+", added, Name(name)) if name == variable:
                    step = simplify(added)
    if not isinstance(step, Number) or step.value <= 0:
        raise _Unreadable("a loop must count upwards by a constant")
    return step.value


def parse_expression(text: str) -> Expression:
    """Parse one C expression, for rewrites and tests that write one down."""
    kernel = parse_kernel(f"void f(void) {{ int x = {text}; }}")
    declared: Sequence[Statement] = kernel.body
    if len(declared) != 1 or not isinstance(declared[0], Declare) or declared[0].value is None:
        raise RewriteError("parse", f"{text!r} is not an expression")
    return declared[0].value
