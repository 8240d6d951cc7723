"""A client made of Python's websockets and the protocol's specification: prints what it is shown, comes back."""

import json
import os
import random
import time

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

url = os.environ["CARILLON_URL"].replace("http", "ws", 1) + "/v1/live?cursors=true"
headers = {"Authorization": "Bearer " + os.environ["CARILLON_TOKEN"]}
cursor = None

while True:
    try:
        resume = "" if cursor is None else "&cursor=" + cursor
        with connect(url + resume, subprotocols=["carillon.v1"], additional_headers=headers) as websocket:
            for message in websocket:
                frame = json.loads(message)
                print(message, flush=True)
                if frame["type"] in ("caught-up", "cursor"):
                    cursor = frame["cursor"]
    except (ConnectionClosed, InvalidStatus, OSError):
        pass
    time.sleep(random.uniform(0.1, 0.3))
