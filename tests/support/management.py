"""Talks to a broker's management API."""

import base64
import http.client
import json
import urllib.parse

VHOST = "%2F"


class Management:
    """One request per call, each on a connection of its own. Answers are (status, decoded body or None)."""

    def __init__(self, broker, user=None, password=None):
        self.broker = broker
        self.credentials = f"{user or broker.user}:{password or broker.password}"

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.broker.host, self.broker.management_port, timeout=20)
        given = {"Authorization": "Basic " + base64.b64encode(self.credentials.encode()).decode()}
        given.update(headers or {})
        try:
            connection.request(method, "/api/" + path, None if body is None else json.dumps(body), given)
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text else None
        finally:
            connection.close()

    def get(self, path):
        status, body = self.request("GET", path)
        assert status == 200, (path, status, body)
        return body

    def put(self, path, body):
        return self.request("PUT", path, body)

    def delete(self, path):
        return self.request("DELETE", path)

    # --- policies ---
    def set_policy(self, name, pattern, definition, kind="policies", **more):
        status, body = self.put(f"{kind}/{VHOST}/{name}", {"pattern": pattern, "definition": definition, **more})
        assert status in (201, 204), (status, body)

    def clear_policy(self, name, kind="policies"):
        status, body = self.delete(f"{kind}/{VHOST}/{name}")
        assert status == 204, (status, body)

    def queue(self, name):
        return self.get(f"queues/{VHOST}/{urllib.parse.quote(name, safe='')}")
