"""A few small images over one and two associations: that the driver runs, and that what was sent, taken and kept is the same number."""
import measure
import peers
from load import Load, make
from ours import Ours

IMAGES = 3


def run(context):
    """Keeps no figures. What is wrong raises."""
    data = make("ct", IMAGES, 64, context.data)
    loads = [Load(data, associations, is_stock) for associations in (1, 2) for is_stock in (True, False)]
    rounds = measure.Rounds(context.say)
    ours, discard = Ours(context.folder), peers.Discard(context.folder)
    try:
        rounds.run([ours, discard], loads, loads[0], 1)
        ours.start()
        associations = loads[0].associations + sum(load.associations for load in loads)
        assert_same("images at the receiver that discards", discard.objects, associations * IMAGES)
        assert_same("instances in the ledger", int(ours.watcher.ask("SELECT count(*) FROM instance")), associations * IMAGES)
        assert_same("studies in the ledger, one an association", int(ours.watcher.ask("SELECT count(*) FROM study")), associations)
    finally:
        ours.close()
        discard.close()
    context.say(f"smoke: {associations * IMAGES} images in {associations} associations, everywhere as sent")


def assert_same(what, got, want):
    assert got == want, f"{what}: {got}, not {want}"
