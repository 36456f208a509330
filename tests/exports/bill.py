"""bill.py BILL: validates a bill of materials by the schema of CycloneDX, reads it, and prints what stands in it."""
import json
import sys

from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

text = open(sys.argv[1], encoding="utf-8").read()
wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
assert wrong is None, wrong
bom = Bom.from_json(json.loads(text))
assert bom.validate()
print(json.dumps({
    "name": bom.metadata.component.name,
    "libraries": sorted(it.name for it in bom.components if it.type == "library"),
    "with_checksum": sum(bool(it.hashes) for it in bom.components if it.type == "library"),
    "tools": sorted(it.name.split()[0] for it in bom.components if it.type == "application"),
}))
