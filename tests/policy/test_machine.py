"""Evaluations, commands and clock steps in any order: decisions keep their promises, commands do what they answered."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from policy.harness import SystemLikeClock, new_explained
from policy.invariants import Observer
from policy.worlds import IDS, clock_steps, instances, shown, valid_parameters

directions = st.sampled_from(["both", "up", "down"])


class PolicyMachine(RuleBasedStateMachine):
    """A policy, and a model of what an operator told it: the pause and the parameters."""

    @initialize(parameters=valid_parameters)
    def start(self, parameters):
        self.clock, self.totals, self.documents, self.listed = SystemLikeClock(), {}, [], []
        settings = {"get_metrics": lambda: {"block_metrics": self.documents}}
        self.policy = new_explained(settings, parameters, self.clock)
        self.observer = Observer(self.policy, self.clock)
        self.expected = self.ask("get_parameters")["effective"]
        self.generation = 1
        self.paused = {}  # direction -> elapsed seconds at which its pause ends

    def ask(self, action, data=None):
        return self.policy.management(action, data)

    @rule(numbers=instances, seconds=clock_steps)
    def evaluate(self, numbers, seconds):
        self.clock.advance(seconds)
        self.documents, self.listed = shown(numbers, self.clock.now, self.totals)
        force = self.ask("get_state")["force"]
        record = self.observer.evaluate({"current_instances": self.listed, "block_data": {"maxInstances": 4}})
        assert (record["force"] is None) == (force is None or record["code"] == "InvalidParameters")
        waits = record["force"] is not None and record["force"]["result"] == "waiting"
        held = force is not None and (waits or record["code"] == "InvalidParameters")
        assert (self.ask("get_state")["force"] is not None) == held
        assert len(self.policy._journal.records) <= self.expected["decision_history_size"]

    @rule(seconds=st.sampled_from([-7200, -30, 30, 7200]))
    def set_the_wall_clock(self, seconds):
        self.clock.set_back(seconds)

    @rule(seconds=st.sampled_from([1, 40, 400]), direction=directions)
    def pause(self, seconds, direction):
        answer = self.ask("pause", {"seconds": seconds, "direction": direction})
        ends = self.clock.elapsed + seconds
        self.paused = dict.fromkeys(("up", "down") if direction == "both" else (direction,), ends)
        assert answer["paused"]["remaining_s"] == seconds

    @rule(direction=directions)
    def resume(self, direction):
        self.ask("resume", {"direction": direction})
        for ended in ("up", "down") if direction == "both" else (direction,):
            self.paused.pop(ended, None)

    @rule(direction=directions)
    def reset(self, direction):
        stamp = self.policy.last_action_ts
        assert self.ask("reset_cooldown", {"direction": direction})["status"] == "ok"
        cooldown = self.ask("get_state")["cooldown"]
        assert all(cooldown[way]["remaining_s"] == 0 for way in ("up", "down") if direction in {"both", way})
        assert self.policy.last_action_ts == (None if direction == "both" else stamp)

    @rule(count=st.integers(1, 10), ignore=st.booleans(), expires=st.sampled_from([20, 120]))
    def force_up(self, count, ignore, expires):
        data = {"operation": "upscale", "instances_count": count, "ignore_cooldown": ignore, "expires_s": expires}
        self.force(data)

    @rule(names=st.lists(st.sampled_from(IDS), min_size=1, max_size=3, unique=True), ignore=st.booleans())
    def force_down(self, names, ignore):
        self.force({"operation": "downscale", "instances_list": names, "ignore_cooldown": ignore})

    def force(self, data):
        before = self.ask("get_state")["force"]
        answer = self.ask("force_scale", data)
        accepted = answer["status"] == "ok"
        assert self.ask("get_state")["force"] == (answer["force"] if accepted else before)

    @rule(changes=valid_parameters, dry_run=st.booleans(), stale=st.booleans())
    def change_parameters(self, changes, dry_run, stale):
        data = {"parameters": changes, "dry_run": dry_run, "expect_generation": self.generation - stale}
        answer = self.ask("set_parameters", data)
        if stale:
            assert list(answer["errors"]) == ["expect_generation"]
        elif answer["status"] == "ok":
            new = self.expected | changes
            assert answer["changed"] == {n: [self.expected[n], v] for n, v in new.items() if self.expected[n] != v}
            if not dry_run:
                self.expected = new
                self.generation += bool(answer["changed"])

    @invariant()
    def parameters_are_what_was_answered(self):
        answer = self.ask("get_parameters")
        assert (answer["effective"], answer["generation"]) == (self.expected, self.generation)

    @invariant()
    def a_pause_lasts_exactly_as_long_as_it_was_asked_for(self):
        left = sorted(way for way, ends in self.paused.items() if ends > self.clock.elapsed)
        paused = self.ask("get_state")["paused"]
        reported = [] if paused is None else ["down", "up"] if paused["direction"] == "both" else [paused["direction"]]
        assert reported == left

    @invariant()
    def memory_is_bounded(self):
        policy = self.policy
        assert set(policy._seen) <= set(IDS)
        assert set(policy._counters) <= set(IDS)
        assert all(len(history) <= 64 for history in policy._counters.values())


TestPolicyMachine = PolicyMachine.TestCase
TestPolicyMachine.settings = settings(
    max_examples=120,
    stateful_step_count=25,
    derandomize=True,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
