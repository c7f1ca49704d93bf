"""One page of the user guide."""

from typing import ClassVar

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.render.cells import Row
from aios_top.render.guide import page_rows, title_of


class GuideDialog(Dialog[str]):
    """A page to read: up, down and pages scroll; answers with `contents` to choose another page."""

    CONTENTS = "contents"
    widest: ClassVar[int] = 104

    def __init__(self, page: str) -> None:
        close = Button("close", "Close", "q")
        super().__init__(title_of(page), buttons=(Button(self.CONTENTS, "Contents", "c"), close), focus=close.name)
        self._page = page

    def body(self, columns: int) -> list[Row]:
        """Return the page without its heading, which is the dialog's own."""
        return page_rows(self._page.partition("\n")[2], columns)

    def press(self, button: str) -> None:
        """Close, or go to the contents."""
        self.answer(button)
