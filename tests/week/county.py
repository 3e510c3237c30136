"""A county as an installation: a lead hospital with its members, their devices and people, and a clock that is moved from session to session.

    with Centre(county, datetime.datetime(2026, 11, 30, 6, 0)) as centre:      # a dirt.County
        centre.move(datetime.datetime(2026, 11, 30, 8, 30))                    # the programs run on, at half past eight
        centre.radiographer("示例镇1卫生院").post("/requests", {...})
"""
import concurrent.futures
import datetime
import json
import pathlib
import sys
import threading
import time

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tests" / "support"))

from demo import PROGRAMS  # noqa: E402
from installation import PATIENCE_S, Failed, Installation  # noqa: E402
from returning import Peer  # noqa: E402

COMMUNITY, LEAD = "示例县医共体", "示例县人民医院"
ZONE = datetime.timezone(datetime.timedelta(hours=8))
PASSWORD = "correct horse battery"
READERS = 3
OPEN_WORK = """
SELECT 1 FROM study_signal WHERE handled_at IS NULL
UNION ALL SELECT 1 FROM instance_conflict WHERE state = 'comparing'
UNION ALL SELECT 1 FROM delivery WHERE state NOT IN ('delivered', 'quarantined', 'dead', 'cancelled')
UNION ALL SELECT 1 FROM report_version v WHERE v.state = 'issued' AND (v.settled_at IS NULL
    OR EXISTS (SELECT FROM destination x WHERE x.site_id = v.site_id AND x.is_enabled AND x.wants_reports)
       AND NOT EXISTS (SELECT FROM delivery d WHERE d.report_version_id = v.report_version_id)) LIMIT 1"""


class Refused(AssertionError):
    """An answer that was not the one wanted."""


class Person:
    """Somebody at a browser, who logs in again when the session has ended, as it does from one day to the next."""

    def __init__(self, home, account):
        self.home, self.account, self.password = home, account, PASSWORD
        self._api, self._lock = None, threading.Lock()

    def _session(self, ended=None):
        """The one that all threads share; a new one in place of one that has ended."""
        with self._lock:
            if self._api is ended:
                api = self.home.api()
                api.login(self.account, PASSWORD)
                self._api = api
            return self._api

    def ask(self, method, target, body=None):
        """The answer, whatever it is."""
        session = self._session()
        got = session.request(method, "/api/v1" + target, body)
        return got if got.status != 401 else self._session(session).request(method, "/api/v1" + target, body)

    def get(self, target):
        return self._wanted(self.ask("GET", target), target)

    def post(self, target, body=None):
        return self._wanted(self.ask("POST", target, body or {}), target)

    def put(self, target, body):
        return self._wanted(self.ask("PUT", target, body), target)

    @staticmethod
    def _wanted(got, target):
        if got.status != 200:
            raise Refused(f"{target}: {got.status} {got.body}")
        return got.body

    def pages(self, target, member):
        """Every row of a list that comes in pages."""
        rows, after = [], ""
        while after is not None:
            page = self.get(f"{target}{'&' if '?' in target else '?'}limit=200{after and '&after=' + after}")
            rows += page[member]
            after = page["next"]
        return rows


class Centre(Installation):
    """county: a dirt.County. begin: local time at which it is installed."""

    def __init__(self, county, begin, **settings):
        super().__init__({"YQ_POLL_INTERVAL": "200 ms", **settings}, prefix="yq-week.")
        self.county, self.begin = county, begin
        self.peer, self.people, self.moves = None, {}, []

    def __enter__(self):
        super().__enter__()
        try:
            self._set_clock(self.begin)
            self._install()
        except BaseException:
            self.close()
            raise
        return self

    def close(self):
        if self.peer:
            self.peer.end()
        super().close()

    # --- the clock --------------------------------------------------------------------------------------------------

    def _set_clock(self, now):
        ahead = now.replace(tzinfo=ZONE).timestamp() - time.time()
        self.settings["YQ_CLOCK_OFFSET"] = f"{'-' if ahead < 0 else '+'}{abs(round(ahead * 1000))} ms"

    def move(self, now):
        """Every program goes on at this local time. Nobody sends meanwhile."""
        for name in PROGRAMS:
            if name in self.running:
                self.stop(name)
        self._set_clock(now)
        self.start(*PROGRAMS)
        self.moves.append(now)

    def now(self):
        sign, ms = self.settings["YQ_CLOCK_OFFSET"][0], int(self.settings["YQ_CLOCK_OFFSET"][1:].split()[0])
        return datetime.datetime.fromtimestamp(time.time() + (ms if sign == "+" else -ms) / 1000, ZONE).replace(tzinfo=None)

    # --- what an operator sets up ---------------------------------------------------------------------------------------

    def _install(self):
        self.yqctl("ca", "init")
        self._load_roster()
        self.yqctl("rule", "defaults")
        for device in (device for pair in self.county.devices.values() for device in pair):
            called = ["--called-ae-title", device.called] if device.called else []
            self.yqctl("device", "add", "--ae-title", device.title, "--site", device.site, "--name", device.name, "--modality", device.modality, *called)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda one: self._employ(*one), self._staff()))
        self.peer = Peer(self.home / "peer")
        self.peer.start()
        for site in self.county.sites[:2]:  # where a PACS takes the reports back
            self.yqctl("destination", "add", "--site", site, "--ae-title", "PACS", "--host", "127.0.0.1", "--port", self.peer.port)

    def _load_roster(self):
        members = [{"name": site, "code": f"xj-{number:02d}", "licensed_type": "township_health_centre", "counts_as_township_health_centre": True}
                   for number, site in enumerate(self.county.sites)]
        roster = {"region": "示例县", "source": "invented", "targets": [],
                  "communities": [{"name": COMMUNITY, "grids": [{"name": LEAD + "网格", "lead": LEAD, "lead_code": "xj-lead", "members": members}]}]}
        path = self.home / "roster.json"
        path.write_text(json.dumps(roster, ensure_ascii=False))
        self.yqctl("roster", "load", path)

    def _staff(self):
        yield "operator", LEAD, "operator", COMMUNITY, []
        yield "leader", LEAD, "duty_leader", COMMUNITY, []
        for number in range(len(self.county.sites)):
            yield f"radiographer{number}", self.county.sites[number], "radiographer", self.county.sites[number], []
        for number in range(READERS):
            yield f"reporter{number}", LEAD, "reporter", COMMUNITY, ["write"]
            yield f"reviewer{number}", LEAD, "reporter,reviewer", COMMUNITY, ["write", "review"]

    def _employ(self, account, site, roles, scope, kinds):
        self.yqctl("account", "add", account, "--name", "测试" + account, "--site", site, "--role", roles, "--scope", scope, "--password-stdin",
                   input=PASSWORD + "\n")
        for kind in kinds:
            self.yqctl("qualification", "grant", account, "--kind", kind, "--scope", scope)
        if kinds:
            self.yqctl("account", "certify", account)

    # --- who works there ------------------------------------------------------------------------------------------------

    def person(self, account):
        if account not in self.people:
            self.people[account] = Person(self, account)
        return self.people[account]

    def radiographer(self, site):
        return self.person(f"radiographer{self.county.sites.index(site)}")

    def await_ledger(self):
        """Until everything that was acknowledged is in the ledger or set apart; returns the seconds that it took."""
        began = time.monotonic()
        while self.yqctl("status", json=True)["journal"]["objects"]:
            if time.monotonic() - began > 2 * PATIENCE_S:
                raise Failed("the journal is not emptied\n" + self.log("yq-storescp"))
            time.sleep(0.05)
        return time.monotonic() - began

    def await_router(self):
        """Until the router has looked at every signal and sent back every report."""
        began = time.monotonic()
        while self.sql(OPEN_WORK):
            if time.monotonic() - began > 2 * PATIENCE_S:
                raise Failed("the router does not come to an end\n" + self.log("yq-router"))
            time.sleep(0.05)
