import pytest
import torch

from core.landscape import line, pca, random_plane, random_walks, through
from core.landscape.planes import layers
from core.training.network import Network, to_flat

SIZE = 101_770


def vector(seed: int) -> torch.Tensor:
    return torch.randn(SIZE, generator=torch.Generator().manual_seed(seed))


def test_pca_of_points_on_a_line_recovers_it() -> None:
    direction = vector(0) / vector(0).norm()
    steps = torch.tensor([0.0, 3.0, 4.0, 9.0])
    trajectory = vector(1) + steps[:, None] * direction
    plane = pca([trajectory])
    assert abs(float(plane.u @ direction)) == pytest.approx(1.0, abs=1e-5)
    assert plane.explained([trajectory]) == pytest.approx(1.0, abs=1e-6)
    seen = plane.project(trajectory)
    # The start is at the left, the end at the origin.
    assert seen.a.tolist() == pytest.approx([-9.0, -6.0, -5.0, 0.0], abs=1e-3)
    assert seen.b.abs().max() < 1e-3 and seen.distance.max() < 1e-2
    assert abs(float(plane.u @ plane.v)) < 1e-5


def test_pca_holds_more_than_any_other_plane_and_its_axes_are_of_length_one() -> None:
    trajectories = [torch.stack([vector(0) + 0.1 * k * vector(s) + k**2 * 0.05 * vector(3) for k in range(6)])
                    for s in (1, 2)]  # fmt: skip
    plane = pca(trajectories)
    assert float(plane.u.norm()) == pytest.approx(1, abs=1e-5) and float(plane.v.norm()) == pytest.approx(1, abs=1e-5)
    assert abs(float(plane.u @ plane.v)) < 1e-4
    other = through(plane.origin, trajectories[0][1], trajectories[1][3])
    assert 1 > plane.explained(trajectories) > other.explained(trajectories) > 0.5
    # The oracle: singular values of the same points.
    rows = torch.cat(trajectories).double() - plane.origin.double()
    values = torch.linalg.svdvals(rows).square()
    assert plane.explained(trajectories) == pytest.approx(float(values[:2].sum() / values.sum()), abs=1e-6)


def test_pca_of_one_run_goes_through_its_end() -> None:
    trajectory = torch.stack([vector(s) for s in range(4)])
    plane = pca([trajectory])
    assert torch.equal(plane.origin, trajectory[-1])
    assert plane.project(trajectory).distance[-1] < 1e-6


def test_runs_that_stand_still_have_no_plane() -> None:
    with pytest.raises(ValueError, match="parameters of these never change"):
        pca([vector(0).expand(3, -1)])


def test_models_alone_have_no_plane_of_movement() -> None:
    with pytest.raises(ValueError, match="choose at least one run"):
        pca([])


def test_the_plane_through_three_points_goes_through_them() -> None:
    points = torch.stack([vector(0), vector(1), vector(2)])
    plane = through(*points)
    seen = plane.project(points)
    assert seen.distance.max() < 1e-2
    assert (seen.a[0], seen.b[0], seen.b[1]) == pytest.approx((0, 0, 0), abs=1e-3)
    for i in range(3):
        assert torch.allclose(plane.point(float(seen.a[i]), float(seen.b[i])), points[i], atol=1e-4)


def test_three_points_on_a_line_have_no_plane() -> None:
    for third in (vector(0), vector(1), vector(0) + 2 * (vector(1) - vector(0))):
        with pytest.raises(ValueError, match="Three points on one line make no plane"):
            through(vector(0), vector(1), third)


def test_a_line_is_measured_from_the_first_model_to_the_second() -> None:
    there = line(vector(0), vector(1))
    seen = there.project(torch.stack([vector(0), vector(1), vector(0) + vector(2)]))
    assert seen.a[:2].tolist() == pytest.approx([0, 1], abs=1e-6) and seen.b.tolist() == [0, 0, 0]
    # Two random vectors of this many dimensions are orthogonal but for one part in 300.
    assert seen.distance[2] == pytest.approx(float(vector(2).norm()), rel=1e-2)
    with pytest.raises(ValueError, match="two points that differ"):
        line(vector(0), vector(0))


def test_filter_normalisation_gives_each_row_the_length_of_the_weights_row() -> None:
    centre = to_flat(Network(seed=2)) + 0.1
    plane = random_plane(centre, seed=4)
    for direction in (plane.u, plane.v):
        for own, random in zip(layers(centre), layers(direction), strict=True):
            if own.dim() == 2:
                torch.testing.assert_close(random.norm(dim=1), own.norm(dim=1))
            else:
                assert not random.any()
    assert torch.equal(random_plane(centre, seed=4).u, plane.u)
    assert not torch.equal(random_plane(centre, seed=5).u, plane.u)


def test_a_projection_on_directions_that_are_not_orthogonal_is_the_nearest_point() -> None:
    plane = random_plane(to_flat(Network(seed=2)))
    seen = plane.project(torch.stack([plane.point(0.3, -0.8), plane.point(0.3, -0.8) + vector(0)]))
    assert (seen.a[0], seen.b[0]) == pytest.approx((0.3, -0.8), abs=1e-5)
    rest = plane.point(0.3, -0.8) + vector(0) - plane.point(float(seen.a[1]), float(seen.b[1]))
    assert abs(float(rest @ plane.u)) < 0.02 and seen.distance[1] == pytest.approx(float(rest.norm()), rel=1e-4)


def test_a_random_walk_has_the_runs_steps_and_two_components_explain_most_of_it() -> None:
    trajectory = torch.stack([vector(0) + 0.01 * k * vector(1) for k in range(60)])
    (walk,) = random_walks([trajectory])
    steps = (walk[1:] - walk[:-1]).norm(dim=1)
    torch.testing.assert_close(steps, (trajectory[1:] - trajectory[:-1]).norm(dim=1), rtol=1e-3, atol=0)
    # With steps of one length, the limit of many dimensions is known: 6/pi^2 for the first, a quarter of it for the
    # second, of a walk that is centred at its mean; centred at its end it is 8/pi^2 and a ninth.
    assert pca([walk]).explained([walk]) == pytest.approx(8 / torch.pi**2 * (1 + 1 / 9), abs=0.02)


def test_a_random_walk_beside_a_run_that_is_about_to_diverge_is_finite() -> None:
    trajectory = torch.stack([vector(0), 1e25 * vector(1), 1e25 * vector(2)])
    (walk,) = random_walks([trajectory])
    assert walk.isfinite().all()
    assert float((walk[2] - walk[1]).norm(dtype=torch.float64)) == pytest.approx(
        float((trajectory[2] - trajectory[1]).norm(dtype=torch.float64)), rel=1e-3
    )
