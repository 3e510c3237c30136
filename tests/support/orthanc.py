"""Orthanc with its DICOMweb plugin, as Debian has them, in a folder of its own: a peer that others wrote."""
import base64
import hashlib
import http.client
import json
import pathlib
import subprocess
import time

import dicomgen
from installation import free_port

PLUGINS = pathlib.Path("/usr/share/orthanc/plugins")
USER, PASSWORD, PATIENCE_S = "yq", "orthanc", 60


class Orthanc:
    """DICOM on `port` (AE title ORTHANC, stores from everybody), DICOMweb at `url`, both empty at first."""

    def __init__(self, folder):
        self.folder, self.port, self.http_port = pathlib.Path(folder), free_port(), free_port()
        self.folder.mkdir()
        settings = {"Name": "peer", "StorageDirectory": str(self.folder / "db"), "IndexDirectory": str(self.folder / "db"), "HttpPort": self.http_port,
                    "DicomPort": self.port, "RemoteAccessAllowed": False, "AuthenticationEnabled": True, "RegisteredUsers": {USER: PASSWORD},
                    "DicomCheckCalledAet": False, "OverwriteInstances": True, "Plugins": [str(PLUGINS / "libOrthancDicomWeb.so")],
                    "DicomWeb": {"Enable": True, "Root": "/dicom-web/"}}
        (self.folder / "orthanc.json").write_text(json.dumps(settings))
        self._log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(["/usr/sbin/Orthanc", self.folder / "orthanc.json"], stdin=subprocess.DEVNULL, stdout=self._log,
                                        stderr=self._log, cwd=self.folder)
        until = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert self.process.poll() is None and time.monotonic() < until, (self.folder / "log").read_text(errors="replace")[-2000:]
            time.sleep(0.05)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http_port}/dicom-web"

    def request(self, method, path, body=None, headers=()):
        """Status, headers and body, with the right password."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=PATIENCE_S)
        try:
            identity = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            connection.request(method, path, body, {**dict(headers), "Authorization": identity})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def _answers(self):
        try:
            return self.request("GET", "/system")[0] == 200
        except OSError:
            return False

    def holds(self):
        """SOP instance UID -> SHA-256 of the dataset."""
        found = {}
        for instance in json.loads(self.request("GET", "/instances")[2]):
            uid = json.loads(self.request("GET", f"/instances/{instance}")[2])["MainDicomTags"]["SOPInstanceUID"]
            _, dataset = dicomgen.split_part10(self.request("GET", f"/instances/{instance}/file")[2])
            found[uid] = hashlib.sha256(dataset).hexdigest()
        return found

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_S)
        finally:
            self._log.close()
