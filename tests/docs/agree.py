"""Compares a JSON Schema with what the program said: agree.py config|payment SCHEMA CASES.

CASES has one JSON object a line: {"text", "accepted", "beyond"}. What the schema takes and the
program refuses must be one of the things that the schema says it can't express. The schema never
refuses what the program takes.
"""

import datetime
import decimal
import json
import re
import sys
import tomllib
from collections import Counter

from jsonschema import Draft202012Validator

NOT_DATA = object()


def refuse(word):
    raise ValueError(word)


def payment(text):
    """The value, and what of it is beyond a schema."""
    repeated = []

    def pairs(items):
        if len({name for name, _ in items}) < len(items):
            repeated.append(True)
        return dict(items)

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=refuse)
    except ValueError:
        return NOT_DATA, None
    if repeated:
        return value, "repeated field"
    if len(text.encode()) > 262_144:
        return value, "too large"
    if not isinstance(value, dict):
        return value, None
    amount, time = value.get("payAmount"), value.get("createTime")
    if isinstance(amount, str) and re.fullmatch(r"-?[0-9.]+([eE][+-]?[0-9]+)?", amount):
        if abs(decimal.Decimal(amount)) >= decimal.Decimal(10) ** 15:
            return value, "magnitude"
    if isinstance(time, str) and re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", time):
        try:
            datetime.date.fromisoformat(time[:10])
        except ValueError:
            return value, "calendar"
    return value, None


def plain(value):
    """TOML's values as JSON's."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    return value


def config(text):
    try:
        return plain(tomllib.loads(text)), None
    except tomllib.TOMLDecodeError:
        return NOT_DATA, None


def main():
    kind, schema_path, cases_path = sys.argv[1:]
    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for example in schema.get("examples", []):
        validator.validate(example)
    read = {"config": config, "payment": payment}[kind]
    counts, wrong = Counter(), []
    with open(cases_path, encoding="utf-8") as file:
        for line in file:
            case = json.loads(line)
            value, beyond = read(case["text"])
            beyond = beyond or case.get("beyond")
            error = None if value is NOT_DATA else next(validator.iter_errors(value), None)
            takes = value is not NOT_DATA and error is None
            if takes and case["accepted"]:
                counts["taken by both"] += 1
            elif not takes and not case["accepted"]:
                counts["refused by both"] += 1
            elif takes and beyond:
                counts[beyond] += 1
            else:
                why = error.message[:200] if error else "the schema takes it"
                wrong.append(f"{case['text'][:300]!r}: program {case['accepted']}, {why}")
    print(json.dumps(counts))
    if wrong:
        sys.exit("\n".join(wrong[:20] + [f"{len(wrong)} in all"]))


main()
