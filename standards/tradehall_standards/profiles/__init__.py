"""
Profiles (地方标准): what a city or a regime asks for beyond the standard, and what cities accept of one another.
"""

from tradehall_standards.profiles.overlay import Narrowed, Number, Profile, ProfileError, base_profile, read_profile
from tradehall_standards.profiles.recognising import Recognition, recognise

__all__ = [
    "Narrowed",
    "Number",
    "Profile",
    "ProfileError",
    "Recognition",
    "base_profile",
    "read_profile",
    "recognise",
]
