"""What is computed of an object once, and forgotten with it: a stream asks for it fifty times a second."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

Of = TypeVar("Of")
Rest = ParamSpec("Rest")
Result = TypeVar("Result")


def remembered(function: Callable[Concatenate[Of, Rest], Result]) -> Callable[Concatenate[Of, Rest], Result]:
    """Keeps what a function gives of an object that nobody changes, and of other arguments.

    Arrays of it cannot be written to.
    """
    known: WeakKeyDictionary[Of, dict[Any, Result]] = WeakKeyDictionary()

    @wraps(function)
    def asked(of: Of, *args: Rest.args, **named: Rest.kwargs) -> Result:
        results, key = known.setdefault(of, {}), (args, *named.items())
        if key not in results:
            result = results[key] = function(of, *args, **named)
            for part in result if isinstance(result, tuple) else (result,):
                if isinstance(part, np.ndarray):
                    part.flags.writeable = False
        return results[key]

    return asked
