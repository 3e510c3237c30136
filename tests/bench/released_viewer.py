"""OHIF as its makers release it, before an Orthanc: nginx with the package's files and the way to Orthanc, as OHIF's recipe for the two has them.

In two things it is kinder to them than the recipe: browsers may keep the files (the recipe forbids it), and the viewer asks for frames as they are stored.
"""
import json
import os
import pathlib
import subprocess

import peers
from installation import TREE, free_port

VIEWER = TREE / "gateway" / "web" / "viewer"
CONFIG = """window.config = {
  routerBasename: '/', showStudyList: true, extensions: [], modes: [], showWarningMessageForCrossOrigin: true, showCPUFallbackMessage: true,
  showLoadingIndicator: true, strictZSpacingForVolumeViewport: true, maxNumberOfWebWorkers: 3, defaultDataSourceName: 'dicomweb',
  investigationalUseDialog: { option: 'never' },
  dataSources: [{
    namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
    sourceName: 'dicomweb',
    configuration: {
      friendlyName: 'Orthanc', name: 'Orthanc', wadoUriRoot: '/pacs/wado', qidoRoot: '/pacs/dicom-web', wadoRoot: '/pacs/dicom-web',
      qidoSupportsIncludeField: false, imageRendering: 'wadors', thumbnailRendering: 'wadors', enableStudyLazyLoad: true, supportsFuzzyMatching: false,
      supportsWildcard: true, singlepart: 'bulkdata', bulkDataURI: { enabled: true },
      acceptHeader: ['multipart/related; type=application/octet-stream; transfer-syntax=*'],
    },
  }],
};
"""
NGINX = """daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
{user}
events {{ worker_connections 256; }}
http {{
  include /etc/nginx/mime.types; default_type application/octet-stream; access_log off; tcp_nopush on; keepalive_requests 100000;
  {temporary}
  server {{
    listen 127.0.0.1:{port};
    gzip on; gzip_types text/css application/javascript application/json image/svg+xml; gzip_comp_level 9; etag on;
    location /pacs/ {{ proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_pass http://127.0.0.1:{orthanc}/; }}
    location / {{
      root {files}; index index.html; try_files $uri $uri/ /index.html;
      add_header Cross-Origin-Opener-Policy same-origin always; add_header Cross-Origin-Embedder-Policy require-corp always;
    }}
  }}
}}
"""


class ReleasedViewer:
    title = "Orthanc + orthanc-dicomweb, OHIF as released"

    def __init__(self, folder, orthanc_port):
        self.folder, self.port, self.orthanc_port, self.process = pathlib.Path(folder) / "released", free_port(), orthanc_port, None
        self.folder.mkdir(mode=0o755)

    def _unpack(self):
        pin = json.loads((VIEWER / "ohif.json").read_text())
        subprocess.run(["npm", "pack", f"{pin['package']}@{pin['version']}", "--silent", "--prefer-offline", "--ignore-scripts", "--pack-destination", self.folder],
                       check=True, stdout=subprocess.DEVNULL, cwd=TREE / "gateway" / "web")
        (tarball,) = self.folder.glob("*.tgz")
        subprocess.run(["tar", "-xzf", tarball, "-C", self.folder, "--no-same-owner", "--exclude=*.map", "package/dist"], check=True)
        tarball.unlink()
        files = self.folder / "package" / "dist"
        (files / "app-config.js").write_text(CONFIG)
        return files

    def __enter__(self):
        temporary = " ".join(f"{name}_temp_path {self.folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.folder / "nginx.conf").write_text(NGINX.format(folder=self.folder, files=self._unpack(), port=self.port, orthanc=self.orthanc_port,
                                                             temporary=temporary, user="user www-data;" if os.geteuid() == 0 else ""))
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-e", self.folder / "error.log", "-c", self.folder / "nginx.conf"], stdin=subprocess.DEVNULL)
        peers.await_true("nginx answers", lambda: (self.folder / "pid").exists())
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
