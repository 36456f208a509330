"""check.py STATEMENT...: takes statements as the Python bindings of in-toto do, which know every field."""
import json
import sys
from urllib.parse import urlparse

from google.protobuf.json_format import Parse, ParseDict
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
from in_toto_attestation.predicates.test_result.v0.test_result_pb2 import TestResult
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement

PREDICATES = {
    "https://slsa.dev/provenance/v1": Provenance,
    "https://in-toto.io/attestation/test-result/v0.1": TestResult,
}


def check(path):
    text = open(path, encoding="utf-8").read()
    statement = Statement.copy_from_pb(Parse(text, statement_pb2.Statement()))
    statement.validate()
    kind = statement.pb.predicate_type
    predicate = ParseDict(json.loads(text)["predicate"], PREDICATES[kind]())
    if kind == "https://slsa.dev/provenance/v1":
        descriptors = predicate.build_definition.resolved_dependencies
        uris = [predicate.build_definition.build_type, predicate.run_details.builder.id]
    else:
        assert predicate.result in ("PASSED", "WARNED", "FAILED"), predicate.result
        descriptors, uris = predicate.configuration, []
    assert descriptors, "no resource is described"
    for descriptor in descriptors:
        ResourceDescriptor.copy_from_pb(descriptor).validate()
        assert all(len(digest) == 64 for digest in descriptor.digest.values()), descriptor
    for uri in [kind, *uris]:
        assert urlparse(uri).scheme, f"{uri} is no URI"


for path in sys.argv[1:]:
    check(path)
print(f"{len(sys.argv) - 1} statements")
