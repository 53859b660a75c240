"""Reads a channel's index as conda does: requests, a session, a streamed body."""
import json
import sys

import requests

session = requests.Session()
with session.get(f"{sys.argv[1]}/noarch/repodata.json", stream=True, timeout=(10, 20)) as response:
    response.raise_for_status()
    print(len(json.loads(b"".join(response.iter_content(8192)))["packages"]))
