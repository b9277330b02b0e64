"""Words that the made-up company is told in. No name here is meant to be that of a real person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


DEPARTMENTS: Final = (
    ("Engineering", "Builds and runs what customers use"),
    ("Design", "Finds out what people need, and how it should look and feel"),
    ("Operations", "Keeps machines, networks and workplaces going"),
    ("Marketing", "Tells the world what there is"),
    ("Customer Care", "Answers customers and passes on what they say"),
    ("Finance", "Keeps the books and the budgets"),
)

FIRST_NAMES: Final = _words(
    "Ada Amir Anouk Bruno Carla Chen Clara Dario Elif Emil Farah Finn Greta Hana Hugo Ines Ivo Jana Jonas"
    " Kaito Lara Leon Lina Luca Mara Mateo Mila Nadia Nils Noor Oskar Paula Priya Rafael Rosa Samir Selma"
    " Theo Tilda Vera Viktor Yara Yusuf Zoe"
)

LAST_NAMES: Final = _words(
    "Abbott Arslan Bauer Bianchi Brandt Castell Dahl Dvorak Eklund Falk Ferrer Grant Haddad Halme Ito Jansen"
    " Keller Kovac Larsen Lindqvist Marek Mendes Moreau Nagy Novak Okafor Olsen Park Petrov Quinn Rahman"
    " Reyes Rossi Sato Silva Sommer Takeda Tanner Varga Wagner Weiss Yilmaz Zeller"
)

PROJECTS: Final = (
    ("Customer Portal", "One place where customers see their orders, invoices and questions."),
    ("Warehouse Scanning", "Hand scanners instead of paper lists in both warehouses."),
    ("Website Relaunch", "New structure, new look, and pages that load within a second."),
    ("Payroll Migration", "Move payroll to the new provider without a late payment."),
    ("Mobile App", "Orders and deliveries in customers' pockets."),
    ("Office Move", "Bring everybody to the new building over one weekend."),
    ("Data Protection Review", "Find out what we hold about people, and let go of what we need not."),
    ("Invoice Automation", "Read incoming invoices by machine and book the simple ones."),
    ("Supplier Onboarding", "From first contact to first order within a week."),
    ("Spring Campaign", "Tell former customers what has become better."),
    ("Help Desk Renewal", "Fewer tickets, shorter answers, one tool."),
    ("Network Upgrade", "Twice the bandwidth, and a second line for when the first one fails."),
    ("Quality Dashboard", "Show every morning what went wrong yesterday."),
    ("Product Catalogue", "One description of each product for shop, print and partners."),
    ("Returns Portal", "Customers announce returns themselves and see where they are."),
    ("Training Programme", "Everybody learns the tools that they work with."),
    ("Archive Clean-up", "Sort twenty years of files by what has to be kept."),
    ("Delivery Tracking", "Tell customers the hour, not the day."),
    ("Partner Interface", "Let partners order by machine."),
    ("Energy Saving", "A tenth less power in offices and warehouses."),
)

TASKS: Final[tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = (
    (
        ("Collect wishes for", "Interview users about", "Write down goals for", "Compare offers for"),
        ("the start page", "the first release", "the pilot", "the interfaces", "the budget", "reporting"),
    ),
    (
        ("Sketch", "Draft", "Agree on", "Review"),
        ("the data model", "the main screens", "the messages", "the roll-out plan", "the access rights"),
    ),
    (
        ("Build", "Set up", "Connect", "Extend", "Configure"),
        ("the search", "the import", "the sign-in", "the order list", "the reminders", "the nightly export"),
    ),
    (
        ("Test", "Measure", "Correct", "Document"),
        ("the import of old data", "the response times", "the permissions", "the backup", "the forms"),
    ),
    (
        ("Prepare", "Train people for", "Announce", "Follow up on"),
        ("the launch", "the pilot", "the switch-over", "the hand-over to support", "the final review"),
    ),
)
"""From the beginning of a project to its end: what is done, and to what."""

DESCRIPTIONS: Final = (
    "",
    "Talk to the people who work with it every day first.",
    "Result: a short note in the project folder that others can build on.",
    "Keep it small; what does not fit goes into a task of its own.",
    "Needs a second pair of eyes before it counts as done.",
)

COMPLETION_NOTES: Final = (
    "",
    "Done as planned.",
    "Took longer: two answers came late.",
    "Done, with a note for those who maintain it.",
    "Simpler than expected after the first day.",
)

RISKS: Final = (
    ("Key person leaves", "Knowledge about the old system is with one person.", "Pair up and write it down."),
    ("Supplier is late", "The delivery date was moved once already.", "Order the critical parts elsewhere."),
    ("Scope grows", "New wishes come in every week.", "Every new wish names the one that it replaces."),
    ("Old data is worse than thought", "Samples show gaps and doubles.", "Clean up before the move."),
    ("Too slow under load", "Nobody has measured with all users.", "Load test before the pilot."),
    ("Users do not take it up", "The pilot group is sceptical.", "Show it early, and listen."),
    ("Budget is tight", "The reserve is nearly used up.", "Agree on what can be left out."),
    ("Rules may change", "A new regulation is being discussed.", "Check the draft every month."),
)

RESOLUTIONS: Final = (
    "Did not happen in the end.",
    "Happened, and the plan for it worked.",
    "No longer possible since the last release.",
)

IMPACTS: Final = ("a week's delay", "some 5,000 more", "one feature less", "a month's delay")

EXPENSES: Final[Mapping[str, tuple[tuple[str, ...], int]]] = {
    "licences": (("Annual licence", "Additional seats", "Support contract"), 240),
    "hardware": (("Test devices", "Network parts", "Scanner batteries"), 650),
    "travel": (("Visit to the supplier", "Workshop on site", "Train tickets"), 180),
    "contractors": (("External review", "Translation", "Electrician"), 1400),
    "training": (("Course", "Books", "Conference tickets"), 320),
    "hosting": (("Servers for the pilot", "Storage", "Certificates"), 150),
}
"""By category: what it was for, and what such a thing costs at least, in whole units of money."""
