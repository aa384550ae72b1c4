"""Library modules of a script, by which an edit reruns exactly the rules that it touches."""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

LIBRARY = Path(__file__).resolve().parent


class _Behaviour(ast.NodeTransformer):
    """Removes docstrings and annotations, but those of classes: dataclasses, pydantic and pandera act by them."""

    _in_function = False

    def visit(self, node: ast.AST) -> Any:
        # An expression holds neither, and most nodes are part of one.
        return node if isinstance(node, ast.expr) else super().visit(node)

    def visit_Expr(self, node: ast.Expr) -> Any:
        is_docstring = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_docstring else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> Any:
        is_for_types = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return None if is_for_types else self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        return self._visit_body(node, in_function=False)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        node.returns = None
        return self._visit_body(node, in_function=True)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if not self._in_function:
            return self.generic_visit(node)
        return ast.Assign([node.target], node.value) if node.value else None

    def _visit_body(self, node: ast.AST, in_function: bool) -> ast.AST:
        around, self._in_function = self._in_function, in_function
        self.generic_visit(node)
        self._in_function = around
        return node


@cache
def _behaviour(path: Path) -> tuple[ast.Module, bytes]:
    """A file's behaviour and its SHA-256, kept: a start of Snakemake asks for all scripts, which share most modules."""
    module = _Behaviour().visit(ast.parse(path.read_text(encoding="utf-8")))
    return module, hashlib.sha256(ast.dump(module).encode()).digest()


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements below a node, and what they are part of, but no expressions."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield child
            yield from _statements(child)


@cache
def _imports(path: Path, library: Path) -> frozenset[Path]:
    """Files of the library that a file imports itself, at its top or inside functions."""
    names: set[str] = set()
    for node in _statements(_behaviour(path)[0]):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    inside = (name.split(".")[1:] for name in names if name.startswith(f"{library.name}."))
    files = (library.joinpath(*parts).with_suffix(".py") for parts in inside)
    return frozenset(file for file in files if file.exists())


@cache
def modules_of(script: Path, library: Path = LIBRARY) -> tuple[Path, ...]:
    """Files of the library that a script imports, directly or through other modules, in order of name."""
    found: set[Path] = set()
    waiting = set(_imports(script, library))
    while waiting:
        found |= waiting
        waiting = set().union(*(_imports(path, library) for path in waiting)) - found
    return tuple(sorted(found))


@cache
def _files_of(module: Path) -> bytes:
    """SHA-256 of each file that a module carries, in a folder `{module}_files` beside it."""
    files = sorted(module.with_name(f"{module.stem}_files").glob("*"))
    return b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)


@cache
def fingerprint(script: Path, library: Path = LIBRARY) -> str:
    """Hash of the behaviour of a script and of all modules that it imports, and of the files that these carry."""
    modules = modules_of(script, library)
    digests = b"".join([*(_behaviour(path)[1] for path in (script, *modules)), *map(_files_of, modules)])
    return hashlib.sha256(digests).hexdigest()[:16]
