"""One policy over one block and one clock; whatever it decides is decided again from the record."""

import json

from policy.harness import Block, SystemLikeClock, document, explained, new_explained


class Bench:
    """Evaluates, and returns records; every complete one must come out the same again, also after JSON."""

    def __init__(self, *documents, current=None, limits=None, settings=None, **parameters):
        self.clock = SystemLikeClock()
        self.block = Block(*documents, current=current)
        self.limits = limits or {}
        self.policy = new_explained({"get_metrics": self.block.get_metrics, **(settings or {})}, parameters, self.clock)

    def evaluate(self, *documents, after=0.0, current=None):
        """Evaluate after some seconds, on other documents if there are any; return the record."""
        self.clock.advance(after)
        if documents:
            self.block.documents = list(documents)
        if documents or current is not None:
            self.block.current = [d["instanceId"] for d in documents] if current is None else current
        data = self.block.input_data()
        data["block_data"] |= self.limits
        result = self.policy.eval({}, data, None)
        record = self.state()["last_decision"]
        assert record["result"] == result
        if record["complete"]:
            assert explained.reevaluate(json.loads(json.dumps(record, allow_nan=False))) == result
        return record

    def code(self, *documents, **more):
        """Evaluate and return only the code."""
        return self.evaluate(*documents, **more)["code"]

    def ask(self, action, data=None):
        """Send a management command; what it answers must be JSON."""
        answer = self.policy.management(action, data)
        json.dumps(answer, allow_nan=False)
        return answer

    def state(self):
        return self.ask("get_state")

    def set(self, **parameters):
        """Change parameters and insist."""
        answer = self.ask("set_parameters", {"parameters": parameters})
        assert answer["status"] == "ok", answer
        return answer


def busy(*names, **more):
    """Documents above the tutorial's up thresholds."""
    return [document(name, 900, 100, **more) for name in names]


def idle(*names, **more):
    """Documents below the tutorial's down thresholds."""
    return [document(name, 10, 5, **more) for name in names]


def condition(record, kind):
    """Status and reason of one condition."""
    return next((c["status"], c["reason"]) for c in record["conditions"] if c["type"] == kind)
