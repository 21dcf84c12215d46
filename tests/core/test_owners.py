import pytest

from core.owners import OPERATOR, Visitor

ADA = Visitor("a" * 16, "Ada", True, teacher=False)
IN_OPEN_LAB = Visitor("a" * 16, "Ada", True, teacher=False, open_lab=True)
TEACHER = Visitor("c" * 16, "Grace", True, teacher=True)


@pytest.mark.parametrize(
    ("who", "own", "anothers", "nobodys"),
    [
        (ADA, True, False, False),
        (IN_OPEN_LAB, True, False, True),
        (TEACHER, True, True, True),
        (OPERATOR, True, True, True),
    ],
)
def test_who_may_change_what(who, own, anothers, nobodys):
    assert (who.may_change(who.id), who.may_change("b" * 16), who.may_change("")) == (own, anothers, nobodys)


@pytest.mark.parametrize(
    ("who", "anothers", "nobodys"), [(ADA, False, False), (IN_OPEN_LAB, True, True), (TEACHER, True, True)]
)
def test_who_may_operate_which_run(who, anothers, nobodys):
    assert (who.may_operate(who.id), who.may_operate("b" * 16), who.may_operate("")) == (True, anothers, nobodys)
