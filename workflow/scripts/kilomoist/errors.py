"""The exception for what a user can mend."""


class InputError(Exception):
    """One sentence that names the file or key, the value, what was expected and what to do.

    Whatever catches it shows the sentence alone, without a traceback.
    """
