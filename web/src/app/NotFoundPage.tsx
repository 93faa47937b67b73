import { LinkButton } from "../ui/Button";
import { EmptyState } from "../ui/EmptyState";
import { PageTitle } from "../ui/PageTitle";

export function NotFoundPage() {
  return (
    <>
      <PageTitle title="Page not found" />
      <EmptyState
        level={1}
        icon="search"
        title="There is no page at this address"
        text="The link may be mistyped, or what it led to was deleted or renamed."
      >
        <LinkButton to="/">Go to your projects</LinkButton>
      </EmptyState>
    </>
  );
}
