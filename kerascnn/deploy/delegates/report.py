"""What a delegate makes of a file: which operators it takes, in how many partitions, and why not the others."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kerascnn.deploy.flatbuffer import Graph, Operator


@dataclass(frozen=True)
class Verdict:
    """What becomes of one operator.

    Parameters
    ----------
    operator
        The operator.
    mapped
        Whether the delegate runs it.
    reason
        Why it does not, or, of one that is mapped, what may yet keep it off.
    change
        What would put it right, if anything is known to.
    """

    operator: Operator
    mapped: bool
    reason: str = ""
    change: str = ""


@dataclass(frozen=True)
class Report:
    """What a delegate makes of a file.

    Parameters
    ----------
    delegate
        "edgetpu", "gpu" or "xnnpack".
    verdicts
        One for each operator, in the order of execution.
    partitions
        The runs of operators that the delegate could take, each as places in that order. Between two partitions,
        tensors go back to the CPU.
    notes
        What holds for the whole file.
    """

    delegate: str
    verdicts: tuple[Verdict, ...]
    partitions: tuple[tuple[int, ...], ...]
    notes: tuple[str, ...] = ()

    @property
    def mapped(self) -> int:
        """Number of operators that the delegate runs."""
        return sum(verdict.mapped for verdict in self.verdicts)

    @property
    def unmapped(self) -> dict[str, int]:
        """How many operators of each kind stay on the CPU, the most frequent first."""
        return dict(Counter(v.operator.kind for v in self.verdicts if not v.mapped).most_common())

    def grouped(self) -> list[dict[str, Any]]:
        """Verdicts that are alike, counted: first what is not mapped, then what may not be, then the rest."""
        alike = Counter((v.mapped, v.reason, v.operator.custom or v.operator.kind, v.change) for v in self.verdicts)
        order = sorted(alike.items(), key=lambda item: (item[0][0], not item[0][1], -item[1], item[0][2]))
        return [
            {"operator": kind, "count": count, "mapped": mapped, "reason": reason, "change": change}
            for (mapped, reason, kind, change), count in order
        ]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON can hold it."""
        return {
            "delegate": self.delegate,
            "operators": len(self.verdicts),
            "mapped": self.mapped,
            "partitions": [len(partition) for partition in self.partitions],
            "notes": list(self.notes),
            "verdicts": self.grouped(),
        }


def partitions(graph: Graph, supported: Sequence[bool]) -> list[tuple[int, ...]]:
    """Part a graph as the runtime does: the runs of supported operators that can be taken out as one node each.

    Operators are scheduled as soon as their inputs are there, in epochs that are wholly supported or wholly not; a
    partition is a supported epoch. The first partition is all that depends on nothing unsupported.

    Parameters
    ----------
    graph
        A graph of a file.
    supported
        Of each operator, whether the delegate can run it.
    """
    waiting, found = list(graph.operators), []
    unmade = {tensor.index for operator in graph.operators for tensor in operator.outputs}
    while waiting:
        epoch: list[int] = []
        kind = None
        progress = True
        while progress:
            progress, still = False, []
            for operator in waiting:
                ready = not any(tensor is not None and tensor.index in unmade for tensor in operator.inputs)
                kind = supported[operator.index] if ready and kind is None else kind
                if not ready or supported[operator.index] is not kind:
                    still.append(operator)
                    continue
                epoch.append(operator.index)
                unmade -= {tensor.index for tensor in operator.outputs}
                progress = True
            waiting = still
        if not epoch:
            raise ValueError("The graph runs in a circle: some operators wait for each other.")
        if kind:
            found.append(tuple(sorted(epoch)))
    return found
