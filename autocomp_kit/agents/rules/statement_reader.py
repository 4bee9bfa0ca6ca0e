"""Read C statements into the trees of ``syntax.py``; calls of the kernel's own helpers are unfolded.

What cannot be followed becomes an ``Opaque`` statement with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tree_sitter import Node

from autocomp_kit.agents.rules.calls import Helper, unfold_call, value_of_call
from autocomp_kit.agents.rules.commands import HOST, is_command
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import Binary, Expression, Name, Number, width_of
from autocomp_kit.agents.rules.expression_reader import ExpressionReader, dimension_of
from autocomp_kit.agents.rules.loop_header import bound_of, step_of, turns_of
from autocomp_kit.agents.rules.nodes import Unreadable, function_name, parameter_names, source_of, text_of
from autocomp_kit.agents.rules.syntax import (
    Array,
    Assign,
    Command,
    Declare,
    If,
    Loop,
    Note,
    Opaque,
    Origin,
    Statement,
    Statements,
    substitute_in,
)

__all__ = ["StatementReader"]


class StatementReader(ExpressionReader):
    """Turns the syntax nodes of statements, and of what is in them, into trees.

    ``helpers`` are functions whose calls are unfolded, ``taken`` the names that their variables may not get. What was
    unfolded, and the arrays that the kernel has of its own, are in ``unfolded`` and ``arrays``.
    """

    def __init__(
        self, data: bytes, helpers: Sequence[Node] = (), *, taken: set[str] | None = None, dim: int | None = None
    ) -> None:
        self._data = data
        self._lines = data.decode().splitlines()
        self._helpers = {function_name(node): node for node in helpers}
        self._taken = taken if taken is not None else set()
        self._constants = {} if dim is None else {"DIM": Number(dim)}
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
                    result[-1] = _with_trailing(result[-1], gap_before, text_of(child))
                else:
                    leading.extend([""] if gap and (result or leading) else [])
                    leading.append(text_of(child))
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
        except Unreadable as error:
            return [Opaque(source_of(node), str(error), origin)]
        except RecursionError:
            return [Opaque(source_of(node), "it is nested too deeply", origin)]

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
                raise Unreadable("a block of its own declares variables")
            return list(inner)
        if node.type == "expression_statement":
            return self._expression_statement(node, origin)
        raise Unreadable(f"the analysis cannot follow a {node.type.replace('_', ' ')}")

    def _expression_statement(self, node: Node, origin: Origin) -> list[Statement]:
        if not node.named_children:
            return []
        inner = node.named_children[0]
        origin = Origin(origin.line, origin.column, origin.leading, text=source_of(node))
        if inner.type == "call_expression":
            function = text_of(inner.child_by_field_name("function"))
            arguments = inner.child_by_field_name("arguments")
            children = arguments.named_children if arguments is not None else []
            given = tuple(self.expression(child) for child in children if child.type != "comment")
            if is_command(function):
                return [Command(function, given, origin)]
            return self._unfolded(function, given, origin)
        if inner.type in {"assignment_expression", "update_expression"}:
            target = inner.child_by_field_name("left") or inner.child_by_field_name("argument")
            if target is not None and target.type == "identifier":
                return [Assign(text_of(target), text_of(node), origin)]
            if target is not None and target.type == "subscript_expression" and inner.type == "assignment_expression":
                return [self._computation(inner, origin)]
        raise Unreadable("the analysis cannot follow what this statement does")

    def _computation(self, node: Node, origin: Origin) -> Command:
        """Read what the host computes and puts into an array."""
        operator = text_of(node.child_by_field_name("operator"))
        target, value = self._field(node, "left", 0), self._field(node, "right", 0)
        return Command(HOST, (target, value if operator == "=" else Binary(operator[:-1], target, value)), origin)

    def _unfolded(self, function: str, arguments: tuple[Expression, ...], origin: Origin) -> list[Statement]:
        try:
            helper = self._helper(function)
            return list(unfold_call(helper, arguments, origin, taken=self._taken, constants=self._constants))
        except RewriteError as error:
            raise Unreadable(error.reason) from error

    def _helper(self, function: str) -> Helper:
        """Read a function of the kernel's own, note that it is unfolded."""
        node = self._helpers.get(function)
        body = node.child_by_field_name("body") if node is not None else None
        if node is None or body is None:
            raise Unreadable(f"{function}() is none of the commands that the rules know, nor a function of this kernel")
        others = [other for name, other in self._helpers.items() if name != function]
        dim = self._constants.get("DIM")
        reader = StatementReader(self._data, others, taken=self._taken, dim=dim.value if dim else None)
        parameters = tuple(parameter_names(node))
        statements = [child for child in body.named_children if child.type != "comment"]
        if len(statements) == 1 and statements[0].type == "return_statement" and statements[0].named_children:
            helper = Helper(function, parameters, result=reader.expression(statements[0].named_children[0]))
        else:
            helper = Helper(function, parameters, body=reader.block(body))
        if reader.arrays:
            raise Unreadable(f"{function}() has an array of its own")
        self.unfolded += [one for one in (node, *reader.unfolded) if one not in self.unfolded]
        return helper

    def _call_expression(self, node: Node, depth: int) -> Expression:
        arguments = node.child_by_field_name("arguments")
        given = [a for a in arguments.named_children if a.type != "comment"] if arguments is not None else []
        helper = self._helper(text_of(node.child_by_field_name("function")))
        try:
            return value_of_call(helper, [self.expression(argument, depth) for argument in given])
        except RewriteError as error:
            raise Unreadable(error.reason) from error

    def _declarations(self, node: Node, origin: Origin) -> list[Statement]:
        words = [
            text_of(child) for child in node.children if child.type in {"storage_class_specifier", "type_qualifier"}
        ]
        type_name = " ".join([*words, text_of(node.child_by_field_name("type"))])
        declarators = node.children_by_field_name("declarator")
        result: list[Statement] = []
        for declarator in declarators:
            name, value = declarator, None
            if declarator.type == "init_declarator":
                inner, given = declarator.child_by_field_name("declarator"), declarator.child_by_field_name("value")
                if inner is None or given is None:
                    raise Unreadable("the analysis cannot follow this declaration")
                name, value = inner, self.expression(given)
            if name.type == "array_declarator" and value is None:
                result.append(self._local_array(type_name, name, origin, first=not result))
                continue
            if name.type != "identifier":
                raise Unreadable("only plain variables and arrays can be declared inside a kernel")
            text = source_of(node) if len(declarators) == 1 else None
            leading = origin.leading if not result else ()
            column = declarator.start_point.column + 1 if result else origin.column
            result.append(
                Declare(type_name, text_of(name), value, Origin(origin.line, column, leading, text=text)),
            )
        return result

    def _local_array(self, type_name: str, declarator: Node, origin: Origin, *, first: bool) -> Declare:
        dimensions: list[int] = []
        inner: Node | None = declarator
        while inner is not None and inner.type == "array_declarator":
            dimensions.insert(0, dimension_of(inner.child_by_field_name("size")))
            inner = inner.child_by_field_name("declarator")
        width = width_of(type_name.rsplit(maxsplit=1)[-1])
        name = text_of(inner)
        if inner is None or inner.type != "identifier" or width is None or not all(dimensions):
            raise Unreadable("the size of this array is not known here")
        if name in {array.name for array in self.arrays}:
            raise Unreadable(f"there are two arrays called {name}")
        self.arrays.append(Array(name, type_name, width, tuple(dimensions)))
        leading, column = (origin.leading, origin.column) if first else ((), declarator.start_point.column + 1)
        text = f"{type_name} {text_of(declarator)};"
        return Declare(type_name, name, None, Origin(origin.line, column, leading, text=text))

    def _if(self, node: Node, origin: Origin) -> If:
        condition, then = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
        otherwise = node.child_by_field_name("alternative")
        if condition is None or then is None:
            raise Unreadable("the analysis cannot follow this condition")
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
            raise Unreadable("a loop needs a start, a bound and a step")
        if start_node.type != "declaration":
            raise Unreadable("a loop must declare its own variable")
        declared = self._declarations(start_node, origin)
        if len(declared) != 1 or not isinstance(declared[0], Declare) or declared[0].value is None:
            raise Unreadable("a loop must declare one variable with a start value")
        variable = declared[0].name
        if text_of(update.child_by_field_name("operator")) == "--":
            return self._downward(declared[0], self.expression(test), self.block(body), origin)
        return Loop(
            variable=variable,
            type=declared[0].type,
            start=declared[0].value,
            bound=bound_of(self.expression(test), variable),
            step=step_of(update, variable, self, self._constants),
            body=self.block(body),
            origin=Origin(origin.line, origin.column, origin.leading, text=self._header(node, body)),
        )

    def _downward(self, declared: Declare, test: Expression, body: Statements, origin: Origin) -> Loop:
        """Return a loop that counts down by one as one that counts its turns."""
        name, start = declared.name, declared.value
        if start is None:
            raise Unreadable("a loop must declare one variable with a start value")
        turns = turns_of(test, name, start)
        turn, counter = f"{name}_turn", 0
        while turn in self._taken:
            turn, counter = f"{name}_turn_{counter}", counter + 1
        self._taken.add(turn)
        inside = substitute_in(body, name, Binary("-", start, Name(turn)))
        return Loop(turn, declared.type, Number(0), turns, 1, inside, replace(origin, text=None))

    def _header(self, node: Node, body: Node) -> str | None:
        """Return the text before the body if it fits one line."""
        first, last = node.start_point, body.start_point
        if first.row != last.row:
            return None
        line = self._lines[first.row].encode()
        return line[first.column : last.column].decode().rstrip()


def _with_trailing(statement: Statement, gap: str, comment: str) -> Statement:
    """Attach a comment that stands behind a statement; behind a block it would move, so it is dropped there."""
    if isinstance(statement, Command | Declare | Assign | Opaque):
        return replace(statement, origin=replace(statement.origin, trailing=gap + comment))
    return statement
