"""Gets a URL as most Python programs do."""
import sys

import requests

response = requests.get(sys.argv[1], timeout=20)
response.raise_for_status()
print(response.status_code)
