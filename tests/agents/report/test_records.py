"""How routers look: told apart without colour, and within a role."""

from carousel_agents.report import records


def looks(**roles):
    entries = [{"router": router, "role": role} for router, role in roles.items()]
    return records.looks({"routers": entries, "rows": []})


def test_roles_differ_in_colour_dash_and_symbol():
    found = looks(uniform="baseline", ppo="learned", loop="frozen", optimum="optimal")
    main = [look for look in found.values() if look.role != "baseline"]
    for field in ("color", "dash", "symbol"):
        assert len({getattr(look, field) for look in main}) == len(main) == 3
    assert next(iter(found)) == "ppo"


def test_routers_of_one_role_are_told_apart():
    found = looks(ppo="learned", rppo="learned", uniform="baseline", fixed="baseline")
    assert found["ppo"].symbol != found["rppo"].symbol
    assert found["uniform"].symbol != found["fixed"].symbol
