"""The exception for what a user can mend."""


class InputError(Exception):
    """One sentence that names file or key, value, expectation and advice; it is shown alone, without a traceback."""
