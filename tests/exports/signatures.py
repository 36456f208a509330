"""signatures.py PUBLIC.pem BUNDLE: verifies every envelope as securesystemslib and cosign do, and its statement."""
import base64
import hashlib
import json
import sys

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from google.protobuf.json_format import Parse
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

key_file, bundle = sys.argv[1:]
public = load_pem_public_key(open(key_file, "rb").read())
# As go-securesystemslib names a key, which cosign uses: it skips signatures with another name.
ssh = base64.b64decode(public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])
name = "SHA256:" + base64.b64encode(hashlib.sha256(ssh).digest()).decode().rstrip("=")
key = SSlibKey.from_crypto(public, keyid=name)
kinds = set()
lines = open(bundle, encoding="utf-8").read().splitlines()
for line in lines:
    envelope = Envelope.from_dict(json.loads(line))
    assert envelope.payload_type == "application/vnd.in-toto+json", envelope.payload_type
    assert list(envelope.verify([key], 1)) == [name]
    statement = Statement.copy_from_pb(Parse(envelope.payload, statement_pb2.Statement()))
    statement.validate()
    kinds.add(statement.pb.predicate_type)
    # What cosign compares with the file: the digest of the subject.
    assert all(len(it.digest["sha256"]) == 64 for it in statement.pb.subject)
print(f"{len(lines)} envelopes of {len(kinds)} kinds")
