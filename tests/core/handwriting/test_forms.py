from core.handwriting.forms import HELD_OUT, HELD_OUT_THINGS, LOOKALIKES, OTHER_THINGS, TRAINED


def test_what_is_trained_on_is_not_what_is_measured():
    assert {form.digit for form in TRAINED} == {form.digit for form in HELD_OUT} == set(range(10))
    trained = {form.strokes for form in (*TRAINED, *LOOKALIKES, *OTHER_THINGS)}
    assert not trained & {form.strokes for form in (*HELD_OUT, *HELD_OUT_THINGS)}
