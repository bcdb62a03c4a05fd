"""The version of this Rollset, without a look at installed packages."""

VERSION = "0.1.0"


def version_numbers(text: str) -> tuple[int, ...]:
    """The numbers of a version, to compare two; what is not a number ends them."""
    numbers = []
    for part in text.split("."):
        if not part.isdigit() or len(part) > 9:
            break
        numbers.append(int(part))
    return tuple(numbers)
