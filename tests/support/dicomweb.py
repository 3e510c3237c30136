"""A demonstration installation as a client of DICOMweb (PS3.18) meets it."""

import email
import json
import subprocess

import dicomgen
from installation import TREE, Installation, free_port

JSON = "application/dicom+json"
ROOT = "/dicom-web"


class Centre(Installation):
    def __init__(self, **settings):
        super().__init__({"YQ_DEMO": "yes", "YQ_DEMO_SITE_PORT": str(free_port()), "YQ_POLL_INTERVAL": "200 ms", **settings})

    def __enter__(self):
        super().__enter__()
        try:
            self.yqctl("ca", "init")
            self.yqctl("roster", "load", TREE / "deploy" / "rosters" / "taishan.json")
            self.yqctl("demo", "seed")
            self.accounts = {a["account"]: a for a in json.loads((self.home / "demo" / "accounts").read_text())["accounts"]}
            self.start("yq-storescp", "yq-router", "yq-gateway")
        except BaseException:
            self.close()
            raise
        return self

    def person(self, account):
        api = self.api()
        api.login(account, self.accounts[account]["password"])
        return api

    def store(self, *paths):
        subprocess.run(["storescu", "-aet", "DEMO_DR", "-aec", "YINGQIAO", "127.0.0.1", str(self.dicom_port),
                       *map(str, paths)], check=True, capture_output=True)

    def examine(self, kind="ct-chest", **about):
        folder = self.home / "made" / dicomgen.uuid.uuid4().hex
        folder.mkdir(parents=True)
        made = dicomgen.make_study(str(folder), kind, size=64, **about)
        self.store(*[one["path"] for one in made["files"]])
        return made


def parts(answer):
    """[(headers, bytes)] of a multipart answer."""
    assert answer.status == 200, answer
    head = f"Content-Type: {answer.headers['Content-Type']}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.body)
    boundary = message.get_boundary().encode()
    pieces = answer.body.split(b"--" + boundary)
    assert pieces[0] == b"" and pieces[-1] == b"--\r\n"
    found = []
    for piece in pieces[1:-1]:
        header, _, body = piece[2:].partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in header.decode().split("\r\n"))
        body = body[:-2]
        assert int(headers["Content-Length"]) == len(body)
        found.append((headers, body))
    return found
