"""The house stays one that a person can hold in mind: sizes, names and doors."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import fairpay
from fairpay.rules import rule_classes

HOUSE = Path(fairpay.__file__).parent
BESIDE = {"__init__", "__main__", "api", "errors"}
"""The modules beside the packages."""
MOST_LINES, MOST_OF_A_FUNCTION = 450, 50
MOST_REACHED = 110
"""Files that `fairpay compare` reaches."""
DECLARATIONS = {"settings/options.py"}
"""Tables of what there is: as long as that is much."""
DEFAULT_RULES = {"market-centric", "user-centric"}


@cache
def files() -> dict[str, str]:
    """Every file of the package and its text."""
    return {str(path.relative_to(HOUSE)): path.read_text(encoding="utf-8") for path in sorted(HOUSE.rglob("*.py"))}


@cache
def trees() -> dict[str, ast.Module]:
    """The same, parsed."""
    return {name: ast.parse(text) for name, text in files().items()}


def nodes(kind: type[ast.AST] | tuple[type[ast.AST], ...]) -> list[tuple[str, ast.AST]]:
    """Every node of a kind, with its file."""
    return [(name, node) for name, tree in trees().items() for node in ast.walk(tree) if isinstance(node, kind)]


def words(tree: ast.Module) -> set[str]:
    """The texts of a module that are no docstrings."""
    said = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in said)
    return {node.value for node in constants if isinstance(node.value, str)}


def reached(start: str) -> set[str]:
    """The files that a file imports, those that they import, and so on: at once, later, or for types alone."""
    modules = {"fairpay." + name.removesuffix(".py").replace("/", "."): name for name in files()}
    modules = {module.removesuffix(".__init__"): name for module, name in modules.items()}
    found, todo = set[str](), [start]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            imports = (node for node in ast.walk(trees()[name]) if isinstance(node, ast.ImportFrom))
            for node in imports:
                inside = (
                    modules.get(f"{node.module}.{one.name}", modules.get(node.module or "")) for one in node.names
                )
                todo += [one for one in inside if one is not None]
    return found


def test_what_compare_reaches_can_be_held_in_mind() -> None:
    assert len(reached("cli/compare.py")) <= MOST_REACHED


def test_few_modules_stand_beside_the_packages() -> None:
    assert {path.stem for path in HOUSE.glob("*.py")} == BESIDE


def test_no_file_is_too_long_to_hold_in_mind() -> None:
    assert [name for name, text in files().items() if text.count("\n") > MOST_LINES and name not in DECLARATIONS] == []


def test_no_function_is_too_long_to_hold_in_mind() -> None:
    functions = nodes((ast.FunctionDef, ast.AsyncFunctionDef))
    assert [
        (name, node.name)
        for name, node in functions
        if node.end_lineno - node.lineno >= MOST_OF_A_FUNCTION  # type: ignore[attr-defined] # both have these
    ] == []


def test_no_class_name_stands_for_two_things() -> None:
    counted = Counter(node.name for _, node in nodes(ast.ClassDef))  # type: ignore[attr-defined] # it has
    assert [name for name, count in counted.items() if count > 1] == []


def test_an_engine_is_made_for_the_run_and_for_the_census_alone() -> None:
    made = [name for name, text in files().items() if re.search(r"LocalEngine\(", text)]
    assert [name for name in made if not name.startswith("engine/")] == ["pipeline/census.py", "pipeline/intake.py"]


def test_no_rule_but_the_default_ones_is_named_outside_the_rules() -> None:
    names = set(rule_classes()) - DEFAULT_RULES - {"median"}  # also a fee: the one of the listener in the middle
    assert {
        name: found for name, tree in trees().items() if (found := words(tree) & names) and "rules/" not in name
    } == {}


def test_no_private_part_of_python_is_used() -> None:
    doors = ("os._exit", "sys.meta_path", "_load_overload", "sys._getframe")
    assert [(name, door) for name, text in files().items() for door in doors if door in text] == []
