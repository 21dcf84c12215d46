import plotly.graph_objects as go

from dashboard.plots import framed


def test_a_frame_has_its_height_margins_that_grow_and_no_legend() -> None:
    layout = framed(go.Figure(), 120).layout
    assert (layout.height, layout.showlegend, layout.margin.to_plotly_json()) == (
        120, False, {"l": 4, "r": 4, "t": 8, "b": 4}
    )  # fmt: skip
    assert layout.xaxis.automargin and layout.yaxis.automargin


def test_a_page_may_lay_out_otherwise() -> None:
    layout = framed(go.Figure(), 120, margin={"t": 40}, showlegend=True, hovermode="x unified").layout
    assert (layout.margin.t, layout.showlegend, layout.hovermode) == (40, True, "x unified")
