"""The allow-list: which C a kernel may be written in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tree_sitter import Node

from autocomp_kit.errors import InputError
from autocomp_kit.kernel._names import COMMANDS, CONSTANTS, HARNESS, LIBRARY, words
from autocomp_kit.kernel._normal_form import kernel_digest
from autocomp_kit.kernel._sizes import MAX_ELEMENTS, enormous_arrays
from autocomp_kit.kernel._syntax import declared_identifier, parse, text_of, walk
from autocomp_kit.records import CodeProblem

__all__ = ["DialectError", "Kernel", "check_dialect", "parse_kernel"]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 160
MAX_PROBLEMS = 10
FUNCTION = "solution"

_ALLOWED_NODES = words(
    """
    translation_unit function_definition function_declarator parameter_list parameter_declaration declaration
    init_declarator array_declarator pointer_declarator parenthesized_declarator abstract_array_declarator
    abstract_pointer_declarator abstract_parenthesized_declarator storage_class_specifier type_qualifier
    primitive_type sized_type_specifier type_identifier type_descriptor type_definition struct_specifier
    field_declaration_list field_declaration field_identifier enum_specifier enumerator_list enumerator
    initializer_list initializer_pair subscript_designator field_designator compound_statement expression_statement
    if_statement else_clause for_statement while_statement do_statement switch_statement case_statement
    break_statement continue_statement return_statement assignment_expression binary_expression unary_expression
    update_expression conditional_expression comma_expression cast_expression pointer_expression
    subscript_expression field_expression parenthesized_expression call_expression argument_list sizeof_expression
    identifier number_literal char_literal character escape_sequence true false null comment
    """
)

_REASONS = {
    "gnu_asm_expression": "inline assembly",
    "goto_statement": "goto",
    "labeled_statement": "a label",
    "string_literal": "a string literal",
    "concatenated_string": "a string literal",
    "attribute_specifier": "an attribute",
    "attribute_declaration": "an attribute",
    "attributed_declarator": "an attribute",
    "attributed_statement": "an attribute",
    "union_specifier": "a union",
    "generic_expression": "_Generic",
    "compound_literal_expression": "a compound literal",
    "variadic_parameter": "a variable number of arguments",
    "linkage_specification": "a linkage specification",
    "alignas_qualifier": "an alignment specifier",
    "subscript_range_designator": "a range in an initialiser",
    "macro_type_specifier": "typeof, or a macro used as a type",
    "bitfield_clause": "a bit field",
}

_STATEMENT_HOLDERS = words(
    """
    function_definition compound_statement if_statement else_clause for_statement while_statement do_statement
    switch_statement case_statement
    """
)

_NAMES_A_FUNCTION = words("function_declarator call_expression")
_FILE_LEVEL = words("function_definition declaration type_definition struct_specifier enum_specifier comment")
_QUALIFIERS = frozenset({"const", "volatile", "restrict", "__restrict", "__restrict__"})
_STORAGE = frozenset({"static", "inline", "register"})
_POINTER_DECLARATORS = frozenset({"array_declarator", "pointer_declarator"})
_RESERVED = COMMANDS | LIBRARY | CONSTANTS | HARNESS


class DialectError(InputError):
    """The text is not a kernel; ``problems`` say what is wrong, where."""

    def __init__(self, problems: tuple[CodeProblem, ...]) -> None:
        super().__init__("\n".join(f"line {problem.line}: {problem.message}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Kernel:
    """A kernel in the dialect.

    Attributes
    ----------
    code : str
        The text as given.
    compilable : str
        The same with every comment replaced by spaces, so that parser and compiler cannot disagree on where one
        ends; lines and columns are those of ``code``.
    digest : str
        Name of the normal form: equal for kernels that differ in comments, spacing and local names only.
    parameters : tuple of str
        Text of each parameter of ``solution``.
    """

    code: str
    compilable: str
    digest: str
    parameters: tuple[str, ...]


def parse_kernel(code: str, *, library: bool = False, helpers: Iterable[str] = ()) -> Kernel:
    """Check a text against the dialect and return it as a kernel.

    Parameters
    ----------
    code : str
        C text that defines ``solution`` and maybe static helper functions and constants.
    library : bool
        Also allow whole operators of the vendor's library, such as ``tiled_matmul_auto``.
    helpers : iterable of str
        Further functions that the harness provides.

    Raises
    ------
    DialectError
        With up to ten problems, each with its line.
    """
    problems = check_dialect(code, library=library, helpers=helpers)
    if problems:
        raise DialectError(problems)
    source = code.encode()
    root = parse(source).root_node
    blanked = bytearray(source)
    for node, _ in walk(root):
        if node.type == "comment":
            for position in range(node.start_byte, node.end_byte):
                if blanked[position] not in b"\r\n":
                    blanked[position] = ord(" ")
    solution = _functions(root)[FUNCTION][0]
    return Kernel(
        code=code,
        compilable=blanked.decode(),
        digest=kernel_digest(code),
        parameters=tuple(text_of(parameter) for parameter in _parameters(solution)),
    )


def check_dialect(code: str, *, library: bool = False, helpers: Iterable[str] = ()) -> tuple[CodeProblem, ...]:
    """Return what keeps a text from being a kernel: nothing if it is one, else at most ten problems."""
    try:
        source = code.encode()
    except UnicodeEncodeError as error:
        line = code.count("\n", 0, error.start) + 1
        return (CodeProblem(kind="dialect", message="half of a character (a lone surrogate)", line=line),)
    if len(source) > MAX_BYTES:
        return (CodeProblem(kind="dialect", message=f"the text is longer than {MAX_BYTES // 1024} KB", line=1),)
    provided = frozenset(helpers) | (LIBRARY if library else frozenset())
    problems = []
    for problem in _problems(source, provided):
        problems.append(problem)
        if len(problems) == MAX_PROBLEMS:
            break
    return tuple(problems)


def _problems(source: bytes, provided: frozenset[str]) -> Iterator[CodeProblem]:
    root = parse(source).root_node
    for node, depth in walk(root):
        if depth > MAX_DEPTH:
            yield _problem(node, f"nested more than {MAX_DEPTH} deep")
            return
    # Directives first: what follows one is often not C on its own, and its syntax errors would only distract.
    directives = list(_text_problems(root, source))
    yield from directives
    if directives:
        return
    if root.has_error:
        yield from _syntax_problems(root)
        return
    functions = _functions(root)
    yield from _function_problems(root, functions)
    names = _Names(
        callable=COMMANDS | functions.keys() | provided,
        pointers=frozenset(_pointer_names(root)),
    )
    for node, _ in walk(root):
        message = _node_problem(node, names) if node.is_named else None
        if message is not None:
            yield _problem(node, message)
    for node in enormous_arrays(root):
        yield _problem(node, f"`{_shown(node)}` has more than {MAX_ELEMENTS:,} elements")


def _problem(node: Node, message: str, *, kind: str = "dialect") -> CodeProblem:
    row, column = node.start_point
    return CodeProblem(kind=kind, message=message, line=row + 1, column=column + 1)


def _shown(node: Node) -> str:
    """Return the first line of a node's text, shortened, for a message."""
    lines = text_of(node).split("\n")
    return lines[0] if len(lines) == 1 and len(lines[0]) <= 40 else lines[0][:40] + " ..."


def _text_problems(root: Node, source: bytes) -> Iterator[CodeProblem]:
    """Find what works below the syntax tree: directives, spliced lines, digraphs, bytes that are no C."""
    understood = False
    for node, _ in walk(root):
        understood = understood or node.type.startswith("preproc_")
        if node.type.startswith("preproc_") and not (node.parent and node.parent.type.startswith("preproc_")):
            shown = _shown(node)
            yield _problem(node, f"preprocessor line `{shown}`: a kernel has none; Gemmini's names are there already")
    code = bytearray(source)
    for node, _ in walk(root):
        if node.type == "comment":
            code[node.start_byte : node.end_byte] = b"".join(
                b"\n" if byte == ord("\n") else b" " for byte in code[node.start_byte : node.end_byte]
            )
    for number, line in enumerate(bytes(code).split(b"\n"), start=1):
        for token, name in (
            (b"#", "the character #"),
            (b"%:", "the digraph %:"),
            (b"??", "a trigraph"),
            (b"$", "the character $"),
            (b"@", "the character @"),
            (b"`", "a backquote"),
        ):
            if token in line and not (token == b"#" and line.lstrip().startswith(b"#") and understood):
                yield CodeProblem(kind="dialect", message=f"{name} is not allowed", line=number)
        if line.rstrip().endswith(b"\\"):
            yield CodeProblem(kind="dialect", message="a line that ends in a backslash is not allowed", line=number)
        if any(byte > 126 or (byte < 32 and byte not in b"\t\r\f\v") for byte in line):
            yield CodeProblem(kind="dialect", message="a character outside ASCII in code", line=number)


def _syntax_problems(root: Node) -> Iterator[CodeProblem]:
    for node, _ in walk(root):
        if node.is_missing:
            yield _problem(node, f"syntax error: missing `{node.type}`", kind="syntax")
        elif node.is_error and not (node.parent and node.parent.is_error):
            yield _problem(node, f"syntax error near `{_shown(node)}`", kind="syntax")


def _functions(root: Node) -> dict[str, list[Node]]:
    """Return the functions that a text defines at file level, by name."""
    found: dict[str, list[Node]] = {}
    for node in root.named_children:
        if node.type == "function_definition":
            name = text_of(declared_identifier(node.child_by_field_name("declarator")))
            found.setdefault(name, []).append(node)
    return found


def _parameters(function: Node) -> list[Node]:
    node = function.child_by_field_name("declarator")
    while node is not None and node.type != "function_declarator":
        node = node.child_by_field_name("declarator")
    listed = node.child_by_field_name("parameters") if node is not None else None
    return [child for child in listed.named_children if child.type == "parameter_declaration"] if listed else []


def _function_problems(root: Node, functions: dict[str, list[Node]]) -> Iterator[CodeProblem]:
    if FUNCTION not in functions:
        yield CodeProblem(kind="dialect", message=f"there is no function `{FUNCTION}`", line=1)
    for name, definitions in functions.items():
        for again in definitions[1:]:
            yield _problem(again, f"`{name}` is defined twice")
        first = definitions[0]
        static = any(text_of(child) == "static" for child in first.children if child.type == "storage_class_specifier")
        if name != FUNCTION and not static:
            yield _problem(first, f"helper function `{name}` must be static")
    for node in root.named_children:
        if node.type not in _FILE_LEVEL:
            yield _problem(node, f"`{_shown(node)}` stands outside a function")


def _pointer_names(root: Node) -> Iterator[str]:
    """Yield every name that some declaration makes a pointer or an array."""
    for node, _ in walk(root):
        if node.type in _POINTER_DECLARATORS:
            yield text_of(declared_identifier(node))


@dataclass(frozen=True)
class _Names:
    """What a text may call, and which of its names are pointers or arrays."""

    callable: frozenset[str]
    pointers: frozenset[str]


def _node_problem(node: Node, names: _Names) -> str | None:
    """Return why one named node of the tree is not allowed, or nothing."""
    if node.type not in _ALLOWED_NODES:
        return f"{_REASONS.get(node.type, node.type.replace('_', ' '))} `{_shown(node)}` is not allowed"
    rule = _RULES.get(node.type)
    return rule(node, names) if rule is not None else None


def _parent_type(node: Node) -> str:
    return node.parent.type if node.parent is not None else ""


def _check_qualifier(node: Node, _: _Names) -> str | None:
    return None if text_of(node) in _QUALIFIERS else f"qualifier `{text_of(node)}` is not allowed"


def _check_storage(node: Node, _: _Names) -> str | None:
    if text_of(node) in _STORAGE:
        return None
    return f"`{text_of(node)}` is not allowed: a kernel is complete in itself"


def _check_function(node: Node, _: _Names) -> str | None:
    return None if _parent_type(node) == "translation_unit" else "a function inside a function"


def _check_function_declarator(node: Node, _: _Names) -> str | None:
    """Refuse prototypes, which would reach the harness, and pointers to functions."""
    holder = node.parent
    while holder is not None and holder.type == "pointer_declarator":
        holder = holder.parent
    defines = holder is not None and holder.type == "function_definition"
    return None if defines else f"`{_shown(node)}` declares a function without defining it"


def _check_block(node: Node, _: _Names) -> str | None:
    return None if _parent_type(node) in _STATEMENT_HOLDERS else "a block inside an expression"


def _check_address(node: Node, _: _Names) -> str | None:
    return f"the address of a label, `{_shown(node)}`" if text_of(node).startswith("&&") else None


def _check_call(node: Node, names: _Names) -> str | None:
    callee = node.child_by_field_name("function")
    name = text_of(callee)
    if callee is None or callee.type != "identifier":
        return f"a call through `{name}`; only functions can be called, by name"
    if name in names.callable:
        return None
    if name in LIBRARY:
        return f"`{name}` is an operator of the vendor's library; write the commands out (or allow the library)"
    return f"`{name}` is neither a Gemmini command nor a function of this kernel"


def _check_cast(node: Node, names: _Names) -> str | None:
    """Refuse pointers made of integers, except the ``&*(T*)(local address)`` that schedule generators write."""
    target, value = node.child_by_field_name("type"), node.child_by_field_name("value")
    if target is None or value is None or target.child_by_field_name("declarator") is None:
        return None
    used = {text_of(part) for part, _ in walk(value) if part.type == "identifier"}
    if used & names.pointers or text_of(value).strip("() ") in {"0", "NULL"}:
        return None
    outer = node.parent
    while outer is not None and outer.type == "parenthesized_expression":
        outer = outer.parent
    if outer is not None and outer.type == "pointer_expression" and text_of(outer).startswith("*"):
        address = outer.parent
        if address is not None and address.type == "pointer_expression" and text_of(address).startswith("&"):
            return None
    return f"`{_shown(node)}` makes a pointer out of an integer"


def _check_identifier(node: Node, names: _Names) -> str | None:
    name = text_of(node)
    if "\\" in name:
        return f"`{name}`: a name is made of letters, digits and underscores"
    if name.startswith("__") or (name.startswith("_") and name[1:2].isupper()):
        return f"`{name}`: names that begin like this belong to the compiler"
    if name in _RESERVED and _is_declared_here(node):
        return f"`{name}` belongs to Gemmini's header or to the harness and cannot be declared again"
    if name in names.callable and node.type == "identifier" and _parent_type(node) not in _NAMES_A_FUNCTION:
        return f"`{name}` is a function; it can be called, its address cannot be taken"
    return None


_RULES: dict[str, Callable[[Node, _Names], str | None]] = {
    "type_qualifier": _check_qualifier,
    "storage_class_specifier": _check_storage,
    "function_definition": _check_function,
    "function_declarator": _check_function_declarator,
    "compound_statement": _check_block,
    "pointer_expression": _check_address,
    "call_expression": _check_call,
    "cast_expression": _check_cast,
    "identifier": _check_identifier,
    "type_identifier": _check_identifier,
    "field_identifier": _check_identifier,
}


def _is_declared_here(node: Node) -> bool:
    """Tell whether an identifier is the name that a declaration introduces."""
    top, parent = node, node.parent
    while parent is not None and parent.type.endswith("declarator"):
        if parent.child_by_field_name("declarator") != top and parent.type != "parenthesized_declarator":
            return False
        top, parent = parent, parent.parent
    if parent is None:
        return False
    if parent.type in {"enumerator", "struct_specifier", "enum_specifier"}:
        return parent.child_by_field_name("name") == top
    if parent.type in {"declaration", "parameter_declaration", "function_definition", "type_definition"}:
        return top in parent.children_by_field_name("declarator")
    return False
