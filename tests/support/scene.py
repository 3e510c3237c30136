"""Two communities in a fresh ledger, for tests of what a person may see and do.

Community "east" has the lead hospital E0 and the townships E1 and E2, community "west" the lead W0 and the township W1. East has one person per
role (account "<role>1", all with rights over the whole of east) and one person without rights ("nobody1"). Each township has a
complete study with an open task, and a destination with something on its way. Everything is written by SQL as the superuser: the programs under test are not needed for it.
"""

import uuid

PASSWORD = "correct horse battery"
# Argon2id of PASSWORD at the least cost: what a hash costs is written in it.
PASSWORD_HASH = "$argon2id$v=19$m=1024,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$54v2fL0K6dm0FxSEfWl4+62QpOWyVbyEl7Ov4IYIt1I"
ROLES = ["radiographer", "clinician", "reporter", "reviewer", "duty_leader", "quality_controller", "administrator", "operator"]

_SITES = [("east", "E0", "hospital"), ("east", "E1", "township_health_centre"), ("east", "E2", "township_health_centre"),
          ("west", "W0", "hospital"), ("west", "W1", "township_health_centre")]


def _quote(text):
    return "'" + text.replace("'", "''") + "'"


class Scene:
    """Public ids by name: scopes["E1"], persons["reporter1"], studies["E1"], uids["E1"] (of the study), tasks["E1"], workitems["E1"] (the UID), queues["east"], destinations["E1"], deliveries["E1"]; of the
    townships also things["E1"]["request"], ["device"], ["question"], ["value"] (a critical value), ["correction"] and
    ["workstation"] (a token of reporter2 or reporter9)."""

    def __init__(self, home):
        self.home = home
        self.scopes, self.persons, self.studies, self.tasks, self.queues = {}, {}, {}, {}, {}
        self.workitems, self.uids = {}, {}
        self.destinations, self.deliveries, self.things = {}, {}, {}
        self._script = []
        for community in ("east", "west"):
            self._community(community)
        for community, code, kind in _SITES:
            self._site(community, code, kind)
        for community in ("east", "west"):
            self._queue(community, community[0].upper() + "0")
        for role in ROLES:
            self.person(role + "1", "E0" if role not in ("radiographer", "clinician") else "E1", [(role, "east")])
        self.person("reporter2", "E0", [("reporter", "east")])
        self.person("reviewer2", "E0", [("reviewer", "east")])
        self.person("nobody1", "E0", [])
        self.person("reporter9", "W0", [("reporter", "west"), ("reviewer", "west")])
        for code in ("E1", "E2", "W1"):
            self.study(code)
            self.destination(code)
            self.delivery(code)
            self._around(code)
        self.flush()

    def flush(self):
        self.home.sql("BEGIN;" + "\n".join(self._script) + "COMMIT;")
        self._script = []

    def _add(self, text):
        self._script.append(text)

    def _scope(self, name, kind):
        self.scopes[name] = str(uuid.uuid4())
        self._add(f"INSERT INTO scope (public_id, kind, name) VALUES ('{self.scopes[name]}', '{kind}', {_quote(name)});")

    def _under(self, child, parent):
        self._add(f"""INSERT INTO scope_membership (child_id, child_kind, parent_id, parent_kind)
            SELECT c.scope_id, c.kind, p.scope_id, p.kind FROM scope c, scope p
            WHERE c.public_id = '{self.scopes[child]}' AND p.public_id = '{self.scopes[parent]}';""")

    def _community(self, name):
        self._scope(name, "community")
        self._scope(name + " grid", "grid")
        self._under(name + " grid", name)

    def _site(self, community, code, kind):
        self._scope(code, "site")
        self._add(f"""INSERT INTO site (site_id, code, licensed_type, counts_as_township_health_centre)
            SELECT scope_id, '{code}', '{kind}', {str(kind.startswith('township')).lower()} FROM scope
            WHERE public_id = '{self.scopes[code]}';""")
        self._under(code, community + " grid")

    def _queue(self, community, lead):
        self.queues[community] = str(uuid.uuid4())
        self._add(f"""INSERT INTO grid_lead (grid_id, site_id) SELECT g.scope_id, s.scope_id FROM scope g, scope s
            WHERE g.public_id = '{self.scopes[community + " grid"]}' AND s.public_id = '{self.scopes[lead]}';
            INSERT INTO signing_policy (name) VALUES ('two of {community}');
            INSERT INTO signing_policy_version (policy_id, version, signatures, different_persons, in_force)
            SELECT policy_id, 1, 2, true, tstzrange(NULL, NULL) FROM signing_policy WHERE name = 'two of {community}';
            INSERT INTO reading_queue (public_id, lead_site_id, policy_id, name)
            SELECT '{self.queues[community]}', s.scope_id, p.policy_id, 'queue of {community}' FROM scope s, signing_policy p
            WHERE s.public_id = '{self.scopes[lead]}' AND p.name = 'two of {community}';""")

    def person(self, account, site, rights):
        """rights: (role, name of a scope) pairs."""
        self.persons[account] = str(uuid.uuid4())
        self._add(f"""INSERT INTO person (public_id, account, name, password_hash, institution_id, seat_id)
            SELECT '{self.persons[account]}', '{account}', 'Dr {account}', '{PASSWORD_HASH}', scope_id, scope_id FROM scope
            WHERE public_id = '{self.scopes[site]}';""")
        for role, scope in rights:
            self._add(f"""INSERT INTO person_right (person_id, role, scope_id) SELECT person_id, '{role}', scope_id
                FROM person p, scope s
                WHERE p.public_id = '{self.persons[account]}' AND s.public_id = '{self.scopes[scope]}';""")
        for role, scope in rights:
            kinds = {"reporter": ["write"], "reviewer": ["write", "review"]}.get(role, [])
            for kind in kinds:
                self._add(f"""INSERT INTO qualification (person_id, kind, scope_id, valid) SELECT person_id, '{kind}', scope_id,
                    daterange('2020-01-01', '2099-01-01') FROM person p, scope s
                    WHERE p.public_id = '{self.persons[account]}' AND s.public_id = '{self.scopes[scope]}';""")
        return self.persons[account]

    def study(self, site, name=None, patient_class="outpatient", state="complete", with_task=True, arrived="yq_now()",
              patient="张^三"):
        """A study without objects, with an open task. name: key in studies and tasks, default the site's code."""
        name = name or site
        workitem = f"2.25.{uuid.uuid4().int}"
        study, task, typed = str(uuid.uuid4()), str(uuid.uuid4()), uuid.uuid4().hex[:12]
        uid = "2.25." + str(uuid.uuid4().int)
        self.studies[name], self.uids[name] = study, uid
        steps = "" if state == "receiving" else f"UPDATE study SET state = '{state}', completed_at = yq_now() WHERE public_id = '{study}';"
        self._add(f"""WITH p AS (INSERT INTO patient DEFAULT VALUES RETURNING patient_id),
            c AS (INSERT INTO identity_claim (site_id, patient_id, source, typed_id, name, sex, content_hash)
                  SELECT s.scope_id, p.patient_id, 'image', '{typed}', {_quote("ZHANG^SAN=" + patient)}, 'M', sha256('{typed}'::bytea)
                  FROM scope s, p WHERE s.public_id = '{self.scopes[site]}' RETURNING claim_id, site_id)
            INSERT INTO study (public_id, site_id, study_instance_uid, claim_id, patient_class, modality, first_arrival_at,
                               last_arrival_at)
            SELECT '{study}', site_id, '{uid}', claim_id, '{patient_class}', 'CT', {arrived}, {arrived} FROM c; {steps}""")
        if with_task:
            self.tasks[name], self.workitems[name] = task, workitem
            queue = self.queues["east" if site[0] == "E" else "west"]
            self._add(f"""INSERT INTO reading_task (public_id, site_id, study_id, queue_id, reading_mode, patient_class, study_version,
                    due_at)
                SELECT '{task}', s.site_id, s.study_id, q.queue_id, 'central', s.patient_class, 1, yq_now() + interval '2 hours'
                FROM study s, reading_queue q WHERE s.public_id = '{study}' AND q.public_id = '{queue}';
                INSERT INTO workitem (sop_instance_uid, site_id, task_id)
                SELECT '{workitem}', site_id, task_id FROM reading_task WHERE public_id = '{task}';""")
        return study

    def destination(self, site, name=None, port=104):
        """Where a site takes its things. name: key in destinations, default the site's code."""
        name = name or site
        self.destinations[name] = str(uuid.uuid4())
        self._add(f"""INSERT INTO destination (public_id, site_id, name, ae_title, host, port, created_at)
            SELECT '{self.destinations[name]}', scope_id, {_quote("PACS " + name)}, 'PACS', '127.0.0.1', {port}, yq_now() - interval '1 day'
            FROM scope WHERE public_id = '{self.scopes[site]}';""")

    def delivery(self, site, name=None, destination=None, state="pending"):
        """The study of the site on its way, without objects. state: pending, waiting, dead or quarantined."""
        name, destination = name or site, destination or site
        self.deliveries[name] = str(uuid.uuid4())
        row = f"WHERE public_id = '{self.deliveries[name]}';"
        steps = {"pending": [], "waiting": ["sending", "waiting"], "dead": ["sending", "waiting", "dead"],
                 "quarantined": ["sending", "quarantined"]}[state]
        self._add(f"""INSERT INTO delivery (public_id, site_id, destination_id, purpose, message, deadline_at)
            SELECT '{self.deliveries[name]}', x.site_id, x.destination_id, 'notify', '{{"name": "{name}"}}', yq_now() + interval '1 day'
            FROM destination x WHERE x.public_id = '{self.destinations[destination]}';"""
                  + "".join(f"UPDATE delivery SET state = '{step}' {row}" for step in steps))

    def _around(self, site):
        """What a site has beside studies."""
        ids = self.things[site] = {name: str(uuid.uuid4()) for name in ("request", "device", "question", "value", "correction", "workstation")}
        study = f"(SELECT * FROM study WHERE public_id = '{self.studies[site]}')"
        self._add(f"""
            INSERT INTO device (public_id, site_id, calling_ae, name)
            SELECT '{ids["device"]}', site_id, 'DR_{site}', 'DR' FROM {study} s;
            INSERT INTO request (public_id, site_id, claim_id, accession_number, year, patient_class)
            SELECT '{ids["request"]}', site_id, claim_id, 'A{site}', 2026, 'outpatient' FROM {study} s;
            INSERT INTO critical_value (public_id, site_id, study_id, item, raised_by, confirm_by)
            SELECT '{ids["value"]}', site_id, study_id, 'pneumothorax', p.person_id, yq_now() FROM {study} s, person p WHERE account = 'reporter1';
            INSERT INTO correction (public_id, site_id, study_id, kind, reason, before, after, operator)
            SELECT '{ids["correction"]}', site_id, study_id, 'edit_patient', 'misspelt', '{{}}', '{{}}', 'root'
            FROM study WHERE public_id = '{self.studies[site]}';
            INSERT INTO workstation_token (public_id, person_id, workstation, uses, token_sha256, expires_at)
            SELECT '{ids["workstation"]}', person_id, 'CT', ARRAY['read'], sha256('{site}'), yq_now() + interval '9 days' FROM person
            WHERE account = '{"reporter9" if site[0] == "W" else "reporter2"}';
            INSERT INTO task_question (public_id, site_id, task_id, question, asked_by)
            SELECT '{ids["question"]}', site_id, task_id, 'since when?', p.person_id
            FROM reading_task t, person p WHERE t.public_id = '{self.tasks[site]}' AND account = 'reporter1';""")

    def login(self, account):
        api = self.home.api()
        api.login(account, PASSWORD)
        return api
