import logging
import threading
import warnings

import pytest

from tumorscope.imaging.quiet import quiet


def test_warnings_and_records_are_held_back_only_inside(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("a-library")
    with quiet("a-library"), quiet("a-library"):
        logger.error("inside")
        warnings.warn("inside", UserWarning, stacklevel=1)
        logging.getLogger("another").error("another")
    logger.error("outside")
    assert [record.message for record in caplog.records] == ["another", "outside"]
    with pytest.warns(UserWarning, match="outside"):
        warnings.warn("outside", UserWarning, stacklevel=1)


def test_other_threads_are_still_heard(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("a-library")
    with quiet("a-library"):
        thread = threading.Thread(target=logger.error, args=["from another thread"])
        thread.start()
        thread.join()
    assert [record.message for record in caplog.records] == ["from another thread"]


def test_failure_inside_ends_the_quiet(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ZeroDivisionError), quiet("a-library"):
        raise ZeroDivisionError
    logging.getLogger("a-library").error("after")
    assert caplog.messages == ["after"]


def test_threads_that_overlap_leave_the_filters_as_they_were() -> None:
    before = list(warnings.filters)
    begun, go_on = threading.Event(), threading.Event()

    def work() -> None:
        with quiet():
            begun.set()
            go_on.wait(20)

    thread = threading.Thread(target=work)
    with quiet():
        thread.start()
        assert begun.wait(20)
    warnings.warn("still held back", UserWarning, stacklevel=1)
    go_on.set()
    thread.join()
    assert warnings.filters == before
