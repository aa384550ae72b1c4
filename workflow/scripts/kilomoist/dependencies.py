"""Which library modules a script imports, so that a change of one reruns exactly the rules that use it."""

import ast
import hashlib
from functools import cache
from pathlib import Path

LIBRARY = Path(__file__).resolve().parent


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _digest(path: Path) -> bytes:
    """Of what a file says; every start of Snakemake asks for all scripts, which share most modules."""
    return hashlib.sha256(ast.dump(_tree(path)).encode()).digest()


@cache
def _imports(path: Path) -> frozenset[Path]:
    """Files of the library that one file imports itself, at its top or inside functions."""
    names: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    modules = {name.split(".")[1] for name in names if name.startswith(f"{LIBRARY.name}.")}
    return frozenset(file for file in (LIBRARY / f"{module}.py" for module in modules) if file.exists())


@cache
def modules_of(script: Path) -> tuple[Path, ...]:
    """Files of the library that a script imports, directly or through other modules, in order of name."""
    found: set[Path] = set()
    waiting = set(_imports(script))
    while waiting:
        found |= waiting
        waiting = set().union(*map(_imports, waiting)) - found
    return tuple(sorted(found))


@cache
def fingerprint(script: Path) -> str:
    """A number that changes when the code of a script or of a module it imports does, not with comments or spaces."""
    digest = hashlib.sha256()
    for path in (script, *modules_of(script)):
        digest.update(_digest(path))
    return digest.hexdigest()[:16]
