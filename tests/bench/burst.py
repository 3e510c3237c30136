"""The burst: 250 CT (or some DR) over one and over four associations, on every receiver in turn."""
import measure
import peers
import report
from load import Load, make
from ours import Ours

CT_IMAGES, DR_IMAGES, DR_REPEAT, WARM_UP = 250, 4, 5, 20


def all_loads(folder):
    """The loads of a turn, and what warms a receiver up."""
    ct, dr = make("ct", CT_IMAGES, 512, folder), make("dr", DR_IMAGES, 2448, folder, DR_REPEAT)
    return [Load(data, associations, is_stock) for data, associations in ((ct, 1), (ct, 4), (dr, 1)) for is_stock in (True, False)], \
        Load(make("ct", WARM_UP, 512, folder), 1, False)


PEERS = [peers.Orthanc, peers.OrthancNodelay, peers.OrthancPostgres, peers.Storescp, peers.StorescpNodelay, peers.Discard]


def measure_raw(rounds, loads, folder):
    """It knows no client, so it is measured once for both."""
    for load in loads:
        if not load.is_stock:
            for writer in measure.RAW:
                rounds.add(writer, load, measure.measure_raw(writer, load, folder))


def run(context):
    loads, warm_up = all_loads(context.data)
    rounds = measure.Rounds(context.say)
    receivers = [Ours(context.folder), *(kind(context.folder) for kind in PEERS)]
    try:
        rounds.run(receivers, loads, warm_up, context.rounds, lambda all_of_it: measure_raw(all_of_it, loads, context.folder))
    finally:
        for receiver in receivers:
            receiver.close()
    return tell(rounds, receivers, loads, context.rounds)


# --- what came of it -------------------------------------------------------------------------------------------------------

def _row(rounds, receiver, load):
    def cell(field):
        values = rounds.values(receiver.key, load.key, field)
        return report.spread(values) if values else "-"

    memory = rounds.values(receiver.key, load.key, "peak_mib")
    ledger = rounds.values(receiver.key, load.key, "ledger_mib")
    text = "-" if not memory else f"{max(memory):.0f}" + (f" + {max(ledger):.0f}" if ledger else "")
    return [receiver.title, cell("rate"), cell("cpu_ms"), text]


def _table(rounds, receivers, load):
    everybody = [*receivers, *(() if load.is_stock else measure.RAW)]
    return {"title": f"{load}: {load.images} images of {load.data.bytes / load.data.images / 1000:.0f} kB",
            "head": ["receiver", "images/s", "CPU ms/image", "peak MiB"], "rows": [_row(rounds, one, load) for one in everybody]}


def _quotient(rounds, what, ours, theirs, target=None, field="rate", is_most=False):
    """ours and theirs: (receiver, load key)."""
    above, below = rounds.values(*ours, field), rounds.values(*theirs, field)
    if not above or not below:
        return report.ratio(what, None)
    each = [one / other for one, other in zip(above, below)]
    value = measure.middle(above)["median"] / measure.middle(below)["median"]
    return report.ratio(what, value, target, is_most, report.span(each))


# (data, associations, client), receiver set against, target; None: shown without a target
RATES = [
    (("ct", 1, "stock"), "orthanc", 20), (("ct", 1, "stock"), "discard", 0.9),
    (("ct", 1, "nodelay"), "orthanc_postgresql", 7), (("ct", 1, "nodelay"), "orthanc_nodelay", 4.5),
    (("ct", 1, "nodelay"), "storescp_nodelay", 0.8), (("ct", 1, "nodelay"), "discard", None),
    (("ct", 1, "nodelay"), "raw_written_file", None), (("ct", 1, "nodelay"), "raw_new_file", None),
    (("ct", 4, "nodelay"), "orthanc_nodelay", 5), (("ct", 4, "nodelay"), "discard", None),
    (("ct", 4, "nodelay"), "raw_written_file", None),
    (("dr", 1, "stock"), "orthanc", None), (("dr", 1, "stock"), "discard", None),
    (("dr", 1, "nodelay"), "orthanc_postgresql", None), (("dr", 1, "nodelay"), "orthanc_nodelay", None),
    (("dr", 1, "nodelay"), "storescp_nodelay", None),
]
LONG = {"stock": "stock client", "nodelay": "TCP_NODELAY client"}


def _ceiling(rounds, key):
    """
    What the discarding provider would reach if each of its answers waited for one durable page: no receiver that keeps its promise
    can be nearer to it, since the client sends the next object only after the answer.
    """
    discards, pages = rounds.values("discard", key), rounds.values("raw_one_page", (key[0], key[1], "nodelay"))
    if not discards or not pages:
        return report.ratio(CEILING, None)
    each = [page / (page + discard) for discard, page in zip(discards, pages)]
    discard, page = measure.middle(discards)["median"], measure.middle(pages)["median"]
    return report.ratio(f"CT, 1 assoc., {LONG[key[2]]}: {CEILING}", page / (page + discard), span=report.span(each))


CEILING = "most that waiting for one durable page leaves of the discarding provider's rate"


def _ratios(rounds, titles):
    rows = [_quotient(rounds, f"{key[0].upper()}, {key[1]} assoc., {LONG[key[2]]}: rate, ours / {titles[other]}", ("ours", key),
                      (other, key), target) for key, other, target in RATES]
    rows += [_ceiling(rounds, ("ct", 1, client)) for client in ("stock", "nodelay")]
    for client in ("nodelay", "stock"):
        four, one = ("ct", 4, client), ("ct", 1, client)
        rows.append(_quotient(rounds, f"CT, {LONG[client]}: rate, ours, 4 assoc. / 1 assoc.", ("ours", four), ("ours", one), 2))
        for other in ("orthanc_nodelay", "orthanc"):
            rows.append(_quotient(rounds, f"CT, 4 assoc., {LONG[client]}: CPU per image, ours / {titles[other]}", ("ours", four),
                                  (other, four), 1, "cpu_ms", is_most=True))
    return rows


def tell(rounds, receivers, loads, count):
    titles = {one.key: one.title for one in [*receivers, *measure.RAW]}
    notes = [f"Rounds: {count}. Time is that of the clients, from the first one's start to the last one's end; DCMTK's storescu as installed, "
             "TCP_NODELAY asserted unset (or 1) in the environment of the running process; new UIDs for every association.",
             "CPU: all processes of the receiver, its PostgreSQL included, until everything is in the ledger or index. Memory: VmHWM of the "
             "program (several processes: of those alive together) + PSS of its PostgreSQL at the end."]
    notes += [f"Durable at the answer, {one.title}: {one.durability}." for one in receivers if one.durability != "keeps nothing"]
    settle = rounds.values("ours", ("ct", 1, "nodelay"), "settle_s")
    if settle:
        notes.append(f"Ours, CT, 1 assoc., TCP_NODELAY client: everything in the ledger {report.spread(settle)} s after the last answer.")
    return {"title": "Burst", "notes": notes, "tables": [_table(rounds, receivers, load) for load in loads],
            "ratios": _ratios(rounds, titles)}
